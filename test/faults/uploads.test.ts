import { createHash } from 'node:crypto';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import { ActivityBench, failureOf } from '../setup/activity-bench.ts';

jest.setTimeout(60_000);

const MEGABYTE = 1024 * 1024;

describe('an upload goes wrong', () => {
  let bench: ActivityBench;
  let files = 0;

  beforeAll(async () => {
    bench = await ActivityBench.start({ timeoutMs: 20_000 });
  });
  afterAll(() => bench.stop());
  beforeEach(() => bench.setFaults());

  /** Training rows of this many bytes, unique to a test. */
  const artifact = (bytes: number): Promise<ArtifactRef> => {
    files += 1;
    const text = `${files} is an unusual number, says the customer. `.repeat(20);
    const messages = [
      { role: 'user', content: text },
      { role: 'assistant', content: 'refund' },
    ];
    const row = JSON.stringify({ messages });
    return bench.artifacts.write(Array.from({ length: Math.ceil(bytes / row.length) }, () => row));
  };
  const upload = (file: ArtifactRef, attempt: number) =>
    bench.run('uploadFile', { definition: bench.definition, role: 'train', file }, { attempt });
  const kept = async (file: ArtifactRef) => {
    const all = await Array.fromAsync(bench.openai.files.list());
    return all.filter(({ filename }) => filename === `train-${file.sha256}.jsonl`);
  };
  const sha256Of = async (id: string) => {
    const response = await bench.openai.files.content(id);
    return createHash('sha256')
      .update(Buffer.from(await response.arrayBuffer()))
      .digest('hex');
  };
  const sent = async () => (await bench.requests('files.create')).length;

  test.each([0, 1, 4 * MEGABYTE])(
    'F11 the connection breaks in the middle of an upload, after %i bytes: one file with the right bytes',
    async (after_bytes) => {
      await bench.setFaults({ endpoint: 'files.create', calls: [1], effect: { kind: 'reset_upload', after_bytes } });
      const file = await artifact(8 * MEGABYTE);
      expect(await failureOf(upload(file, 1))).toMatchObject({ type: 'PROVIDER_UNREACHABLE', nonRetryable: false });
      expect(await kept(file)).toEqual([]);
      const id = await upload(file, 2);
      expect((await kept(file)).map((uploaded) => uploaded.id)).toEqual([id]);
      expect((await kept(file))[0]?.bytes).toBe(file.bytes);
      expect(await sha256Of(id)).toBe(file.sha256);
    },
  );

  test.each([
    ['the connection reset', { kind: 'execute_then_reset' }],
    ['it answered with 500', { kind: 'execute_then_status', status: 500 }],
  ] as const)('F12 an upload was executed and %s: found by its name, and not sent again', async (_title, effect) => {
    await bench.setFaults({ endpoint: 'files.create', calls: [1], effect });
    const file = await artifact(1000);
    const before = await sent();
    expect(await failureOf(upload(file, 1))).toMatchObject({ nonRetryable: false });
    const id = await upload(file, 2);
    expect((await kept(file)).map((uploaded) => uploaded.id)).toEqual([id]);
    expect(await sha256Of(id)).toBe(file.sha256);
    expect(await sent()).toBe(before + 1);
    // Nor for another run of the same rows.
    expect(await upload(file, 1)).toBe(id);
    expect(await sent()).toBe(before + 1);
  });

  test('F12 an incomplete file of this name is not taken for it', async () => {
    const file = await artifact(1000);
    const half = new File(['{}\n'], `train-${file.sha256}.jsonl`);
    const { id: other } = await bench.openai.files.create({ file: half, purpose: 'fine-tune' });
    const id = await upload(file, 2);
    expect(id).not.toBe(other);
    expect(await sha256Of(id)).toBe(file.sha256);
  });

  test('F12 the list of files cannot be read: nothing is sent blindly', async () => {
    await bench.setFaults({ endpoint: 'files.list', effect: { kind: 'status', status: 500 } });
    const file = await artifact(1000);
    const before = await sent();
    expect(await failureOf(upload(file, 2))).toMatchObject({ nonRetryable: false });
    expect(await sent()).toBe(before);
  });
});
