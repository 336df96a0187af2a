import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FireworksHost, fireworksHost, type Given, LARGEST_FORM_BYTES, providerError, refusal } from './host.ts';

let host: FireworksHost;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tuneloop-fireworks-'));
  host = await fireworksHost();
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await host.close();
});

describe('a training file at Fireworks', () => {
  const fileOf = (text: string) => {
    const file = join(folder, 'train');
    writeFileSync(file, text);
    return file;
  };
  const id = (): string => {
    const [created] = host.sent('POST datasets');
    return (created?.body as { datasetId: string } | undefined)?.datasetId ?? 'none';
  };
  /** The states of a dataset, one for each look at it; it exists before its creation or not. */
  const answers = (states: object[], { exists = false, upload = { body: {} } as Given } = {}) => {
    host.routes['POST datasets'] = (body) => {
      const { datasetId } = body as { datasetId: string };
      const name = `accounts/acme/datasets/${datasetId}`;
      host.routes[`GET datasets/${datasetId}`] = states.map((state) => ({ body: { name, ...state } }));
      host.routes[`POST datasets/${datasetId}:upload`] = upload;
      host.routes[`POST datasets/${datasetId}:getUploadEndpoint`] = {
        body: { filenameToSignedUrls: { 'train.jsonl': `${host.storageOrigin}/bucket/1?${SIGNATURE}` } },
      };
      host.routes[`POST datasets/${datasetId}:validateUpload`] = { body: {} };
      return exists ? refusal(409, 6, 'already exists') : { body: { name, state: 'UPLOADING' } };
    };
  };
  const SIGNATURE =
    'X-Goog-SignedHeaders=content-type%3Bhost%3Bx-goog-content-length-range&X-Goog-Signature=0123456789abcdef0123456789';
  const UPLOADING = { state: 'UPLOADING' };
  const READY = { state: 'READY', exampleCount: '2', estimatedTokenCount: '12' };

  test('an upload ends once the provider has checked the file', async () => {
    answers([UPLOADING, UPLOADING, UPLOADING, READY]);
    const dataset = await host.provider.training.uploadFile('train.jsonl', fileOf('{"a":1}\n{"b":2}\n'));
    expect(dataset).toBe(`accounts/acme/datasets/${id()}`);
    expect(host.sent('POST datasets')).toEqual([
      {
        query: {},
        body: {
          datasetId: expect.stringMatching(/^tuneloop-[0-9a-f]{40}$/),
          dataset: { displayName: 'train.jsonl', format: 'CHAT', exampleCount: '2', userUploaded: {} },
        },
      },
    ]);
    const [upload] = host.sent(`POST datasets/${id()}:upload`);
    expect(upload?.body).toContain('filename="train.jsonl"');
    expect(upload?.body).toContain('{"a":1}\n{"b":2}\n');
  });

  test('the id of a file follows from its name and its size', async () => {
    const { training } = host.provider;
    await Promise.all([training.findFile('a', 5), training.findFile('a', 6), training.findFile('b', 5)]);
    expect(await training.findFile('a', 5)).toBeUndefined();
    expect(new Set(host.server.received.map(({ url }) => url)).size).toBe(3);
  });

  test('a file that has not been checked is not found', async () => {
    answers([UPLOADING, READY]);
    await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(await host.provider.training.findFile('train.jsonl', 1)).toBe(`accounts/acme/datasets/${id()}`);
    host.routes[`GET datasets/${id()}`] = { body: { name: `accounts/acme/datasets/${id()}`, state: 'UPLOADING' } };
    expect(await host.provider.training.findFile('train.jsonl', 1)).toBeUndefined();
  });

  test('a large file goes to the signed address, without the key', async () => {
    answers([UPLOADING, READY]);
    host.storage.answer = () => ({ status: 200 });
    const text = 'x'.repeat(LARGEST_FORM_BYTES + 1);
    await host.provider.training.uploadFile('train.jsonl', fileOf(text));
    expect(host.sent(`POST datasets/${id()}:getUploadEndpoint`)[0]?.body).toEqual({
      filenameToSize: { 'train.jsonl': `${text.length}` },
    });
    const [put] = host.storage.received;
    expect(put).toMatchObject({ method: 'PUT', url: `/bucket/1?${SIGNATURE}`, body: text });
    expect(put?.headers['x-goog-content-length-range']).toBe(`${text.length},${text.length}`);
    expect(put?.headers['content-type']).toBe('application/octet-stream');
    expect(host.sent(`POST datasets/${id()}:validateUpload`)).toHaveLength(1);
    expect(host.sent(`POST datasets/${id()}:upload`)).toEqual([]);
  });

  test('a refused upload does not show the signature of its address', async () => {
    answers([UPLOADING, READY]);
    host.storage.answer = ({ url }) => ({ status: 403, body: `SignatureDoesNotMatch: ${url}` });
    const work = host.provider.training.uploadFile('train.jsonl', fileOf('x'.repeat(LARGEST_FORM_BYTES + 1)));
    const error = await providerError(work);
    expect(error).toMatchObject({ status: 403, retryable: false });
    expect(error.message).not.toContain('0123456789abcdef0123456789');
  });

  test('a file that was uploaded before is not sent again', async () => {
    answers([READY], { exists: true });
    const dataset = await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(dataset).toBe(`accounts/acme/datasets/${id()}`);
    expect(host.sent(`POST datasets/${id()}:upload`)).toEqual([]);
  });

  test('an upload that was interrupted before it was sent is sent by the next attempt', async () => {
    answers([UPLOADING, READY], { exists: true });
    await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(host.sent(`POST datasets/${id()}:upload`)).toHaveLength(1);
  });

  test('an upload that was interrupted during the check waits for its end', async () => {
    const upload = refusal(400, 9, 'the dataset was already uploaded');
    answers([UPLOADING, UPLOADING, READY], { exists: true, upload });
    const dataset = await host.provider.training.uploadFile('train.jsonl', fileOf('x'));
    expect(dataset).toBe(`accounts/acme/datasets/${id()}`);
  });

  test('a file that the provider finds to be wrong is refused for good', async () => {
    answers([UPLOADING, { ...UPLOADING, status: { code: 'INVALID_ARGUMENT', message: 'line 1 has no messages' } }]);
    const error = await providerError(host.provider.training.uploadFile('train.jsonl', fileOf('x')));
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED', retryable: false });
    expect(error.message).toContain('line 1 has no messages');
  });
});
