import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { HostFile } from '../files.ts';
import { HostError, type Route } from '../front.ts';
import { newId } from '../ids.ts';
import { chosenId, page, resourceName, route, timeOf, unknownFields } from './fireworks-resources.ts';

/** How long the host checks a file that has arrived. */
const CHECK_MS = 30;
const SIZE_HEADER = 'x-goog-content-length-range';

/** Datasets: created, filled by a form or by a signed link, and checked. */
export function datasetRoutes(): Route[] {
  return [
    route('POST', '/datasets', 'files.create', (call, host) => {
      const { dataset, datasetId } = call.body;
      const given = isRecord(dataset) ? dataset : {};
      const problems = unknownFields(given, ['displayName', 'format', 'exampleCount', 'userUploaded']);
      if (problems.length > 0) host.misunderstood(call, ...problems);
      const id = chosenId(datasetId);
      return { body: show(host.files.reserve({ id, name: String(given.displayName ?? id), extra: { given } })) };
    }),
    route('GET', '/datasets', 'files.list', ({ query }, { files }) => ({
      body: page('datasets', files.list().map(show), query),
    })),
    route('GET', '/datasets/{id}', 'files.get', ({ params: { id = '' } }, { files }) => ({
      body: show(files.get(id)),
    })),
    route('DELETE', '/datasets/{id}', 'files.delete', ({ params: { id = '' } }, { files }) => {
      files.delete(id);
      return { body: {} };
    }),
    route('POST', '/datasets/{id}:upload', 'files.send', async (call, { files }) => {
      const file = (await call.form()).get('file');
      if (!(file instanceof Blob)) throw new HostError(400, 'file is missing');
      const { id = '' } = call.params;
      if (files.get(id).content) throw new HostError(400, `${id} is already uploaded`);
      const dataset = await files.fill(id, new Uint8Array(await file.arrayBuffer()));
      dataset.extra.checkedAt = Date.now() + CHECK_MS;
      const bytes = dataset.content?.bytes.length ?? 0;
      return { body: { id, object: 'file', bytes, created_at: dataset.createdAt, filename: dataset.name } };
    }),
    route(
      'POST',
      '/datasets/{id}:getUploadEndpoint',
      'files.send',
      ({ body, params: { id = '' }, origin }, { files }) => {
        const [name, size] = Object.entries(isRecord(body.filenameToSize) ? body.filenameToSize : {})[0] ?? [];
        if (name === undefined) throw new HostError(400, 'no file is named');
        const signature = newId('', 16);
        Object.assign(files.get(id).extra, { signature, size: Number(size) });
        const query = `X-Goog-SignedHeaders=content-type%3Bhost%3B${SIZE_HEADER}&X-Goog-Signature=${signature}`;
        return { body: { filenameToSignedUrls: { [name]: `${origin}/storage/datasets/${id}?${query}` } } };
      },
    ),
    {
      method: 'PUT',
      path: '/storage/datasets/{id}',
      operation: 'files.send',
      open: true,
      handle: async ({ params: { id = '' }, query, headers, raw }, { files }) => {
        const { signature, size } = files.get(id).extra;
        const isSigned = query.get('X-Goog-Signature') === signature && headers[SIZE_HEADER] === `${size},${size}`;
        if (!isSigned || headers.authorization !== undefined) throw new HostError(403, 'SignatureDoesNotMatch');
        if (raw.length !== size) throw new HostError(400, 'EntityTooLarge');
        await files.fill(id, raw);
        return {};
      },
    },
    route('POST', '/datasets/{id}:validateUpload', 'files.send', ({ params: { id = '' } }, { files }) => {
      const dataset = files.get(id);
      if (!dataset.content) throw new HostError(400, `${id} has no file`);
      dataset.extra.checkedAt = Date.now() + CHECK_MS;
      return { body: {} };
    }),
  ];
}

function show({ id, name, createdAt, content, extra }: HostFile): object {
  const { checkedAt, given } = extra;
  const isChecked = typeof checkedAt === 'number' && Date.now() >= checkedAt;
  const isValid = content !== null && content.rows > 0;
  const { format, exampleCount, userUploaded } = isRecord(given) ? given : {};
  return {
    name: resourceName('datasets', id),
    displayName: name,
    createTime: timeOf(createdAt),
    state: isChecked && isValid ? 'READY' : 'UPLOADING',
    status: isChecked && !isValid ? { code: 'INVALID_ARGUMENT', message: 'no training examples' } : { code: 'OK' },
    format,
    exampleCount: isChecked ? `${content?.rows ?? 0}` : exampleCount,
    userUploaded,
    estimatedTokenCount: `${content?.tokens ?? 0}`,
  };
}
