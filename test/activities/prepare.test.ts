import { rmSync } from 'node:fs';
import { dataRows } from '../../bench/data-rows.ts';
import { servedCallMetadata } from '../../packages/app/src/predict/served-call.ts';
import { canonicalInput, isNear } from '../../src/data/split/near-duplicates.ts';
import { DatasetBench } from '../setup/dataset-bench.ts';
import { shopRows } from '../setup/shop-log.ts';

const bench = new DatasetBench();
afterAll(() => bench.remove());
let pipelines = 0;

/** A pipeline of a name of its own, so that tests share no ledger. */
function pipelineOf(rows: readonly object[] | string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  pipelines += 1;
  const name = `shop-${pipelines}`;
  return { name, source: { type: 'jsonl', path: bench.log(`${name}.jsonl`, rows) }, ...changes };
}
const inputOf = (row: object) => (row as { messages: { content: string }[] }).messages[1]?.content ?? '';
const text = (row: object) => `${JSON.stringify(row)}\n`;

test("a tokenizer's control token in a row is text like any other", async () => {
  const log = shopRows(60).map((row) => text(row).replace(', order', ' <|endoftext|>, order'));
  const { dataset } = await bench.build(pipelineOf(log.join('')));
  expect(dataset.summary.train).toBeGreaterThanOrEqual(30);
  expect(dataset.tokens.treated.strip?.request).toBeGreaterThan(5);
});

test('the same log gives the same version, and no further one', async () => {
  const pipeline = pipelineOf(shopRows(60));
  const first = await bench.build(pipeline);
  const again = await bench.build(pipeline);
  expect(again.dataset).toEqual(first.dataset);
  expect(first.manifest.parent).toBeNull();
});

test('a log that grew gives a version on top, in which every row is on the side where it was', async () => {
  const pipeline = pipelineOf(shopRows(60));
  const first = await bench.build(pipeline);
  bench.log(`${pipeline.name}.jsonl`, shopRows(120));
  const second = await bench.build(pipeline);
  expect(second.manifest.parent).toEqual({ number: 1, sha256: first.dataset.manifest.sha256 });
  for (const side of ['train', 'validation', 'test'] as const) {
    const before = (await bench.examples(first.dataset, side)).map(({ id }) => id);
    const after = (await bench.examples(second.dataset, side)).map(({ id }) => id);
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after.length).toBeGreaterThan(before.length);
  }
});

test('a log that grows by half three times: no row changes side, and no near duplicate is on another one', async () => {
  const all = [...dataRows({ rows: 1350, nearShare: 0.2, seed: 3 })];
  const pipeline = pipelineOf([], { clean: { duplicates: 'keep' } });
  const sides = new Map<string, string>();
  for (const rows of [400, 600, 900, 1350]) {
    bench.log(
      `${pipeline.name}.jsonl`,
      all.slice(0, rows).map(({ row }) => row),
    );
    const { dataset } = await bench.build(pipeline);
    for (const side of ['train', 'validation', 'test'] as const) {
      for (const { id } of await bench.examples(dataset, side)) {
        expect(sides.get(id) ?? side).toBe(side);
        sides.set(id, side);
      }
    }
  }
  const pairs = all.filter(
    ({ original, input, originalInput }, number) =>
      original !== number && isNear(canonicalInput(input), canonicalInput(originalInput)),
  );
  expect(pairs.length).toBeGreaterThan(100);
  for (const { row, original } of pairs) {
    const [mine, other] = [sides.get(row.id), sides.get(all[original]?.row.id ?? '')];
    if (mine && other) expect(mine).toBe(other);
  }
  expect(sides.size).toBeGreaterThan(1300);
});

test('rows that left the log stay in the dataset, because a log that was read once may be rotated away', async () => {
  const pipeline = pipelineOf([], { source: { type: 'jsonl', path: bench.log('rotated/*.jsonl') } });
  bench.log('rotated/a.jsonl', shopRows(60));
  const { dataset } = await bench.build(pipeline);
  rmSync(bench.log('rotated/a.jsonl'));
  bench.log('rotated/b.jsonl', shopRows(90).slice(60));
  const grown = await bench.build(pipeline);
  const sizeOf = ({ train, validation, test }: typeof dataset.summary) => train + validation + test;
  expect(sizeOf(dataset.summary)).toBe(60);
  expect(sizeOf(grown.dataset.summary)).toBe(90);
});

test('a later answer takes the place of the recorded one, with its author', async () => {
  const rows = shopRows(60).map((row) => ({ ...row, actual: undefined }));
  const late = { actual_for: 'row-3', actual: 'account', by: 'person:ana' };
  const actuals = bench.log('late-answers.jsonl', [late]);
  const pipeline = pipelineOf(rows);
  const { dataset } = await bench.build({ ...pipeline, source: { ...(pipeline.source as object), actuals } });
  const examples = (
    await Promise.all((['train', 'validation', 'test'] as const).map((side) => bench.examples(dataset, side)))
  ).flat();
  expect(examples.find(({ id }) => id === 'row-3')).toMatchObject({
    completion: 'account',
    completionBy: 'person:ana',
    recorded: { completion: 'refund', checked: true },
  });
});

test('each treatment of the candidates has files of its own: inputs alone, or the whole prompt', async () => {
  const treatment = ['strip', 'keep-instructions'];
  const { dataset } = await bench.build(
    pipelineOf(shopRows(60), { candidates: { models: ['local-nano'], treatment } }),
  );
  expect(dataset.files.map((files) => files.treatment)).toEqual(treatment);
  const [strip, keep] = dataset.files.map(({ train }) => train.bytes);
  expect(keep).toBeGreaterThan(strip ?? 0);
  const { strip: stripped, 'keep-instructions': kept } = dataset.tokens.treated;
  expect(kept?.request).toBeGreaterThan(stripped?.request ?? 0);
});

test('versions of a prompt that are answered with different labels are warned about', async () => {
  const renamed = shopRows(120).map((row, index) => {
    const { messages, completion } = row as { messages: { role: string; content: string }[]; completion: string };
    if (index < 60) return row;
    const system = { role: 'system', content: 'You sort the mail of a shop by its subject. Answer with one category.' };
    return { ...row, messages: [system, messages[1]], completion: `topic-${completion}`, actual: undefined };
  });
  const { manifest } = await bench.build(pipelineOf(renamed));
  expect(manifest.template.versions).toBe(2);
  expect(manifest.warnings.join()).toMatch(/versions 1 and 2 of the prompt are answered with different labels/);
});

test.each([
  ['a prompt of another form', { messages: [{ role: 'user', content: 'Translate into French: hello' }] }, 'template'],
  ['a label that says more', { completion: 'The label is refund.', actual: undefined }, 'more than the label'],
])('strict reading ends the run at %s, with its place', async (_name, change, reason) => {
  const rows = shopRows(60).map((row, index) => (index === 6 ? { ...row, ...change } : row));
  const pipeline = pipelineOf(rows, { clean: { rows: 'strict' } });
  await expect(bench.build(pipeline)).rejects.toMatchObject({
    type: 'SOURCE_ROW_INVALID',
    message: expect.stringMatching(new RegExp(`^${pipeline.name}\\.jsonl:7: .*${reason}`)),
  });
});

test('rows of one customer are on one side', async () => {
  const rows = shopRows(120).map((row, index) => ({ ...row, metadata: { customer: `customer-${index % 12}` } }));
  const { dataset } = await bench.build(pipelineOf(rows, { split: { group_by: 'customer' } }));
  const sides = new Map<number, string>();
  for (const side of ['train', 'validation', 'test'] as const) {
    for (const { id } of await bench.examples(dataset, side)) {
      const customer = Number(id.slice(4)) % 12;
      expect(sides.get(customer) ?? side).toBe(side);
      sides.set(customer, side);
    }
  }
  expect(new Set(sides.values()).size).toBe(3);
});

test('redacted values are in no artifact that is uploaded or judged', async () => {
  const rows = shopRows(60).map((row, index) => ({
    ...row,
    messages: [{ role: 'user', content: `Message: write to jane.${index}@example.com about ${inputOf(row)}` }],
  }));
  const { dataset, manifest } = await bench.build(
    pipelineOf(rows, { clean: { redact: ['email'], duplicates: 'keep' } }),
  );
  expect(manifest.redactions).toEqual({ email: 60 });
  const lines = bench.trainingFile(dataset).join('\n');
  expect(lines).toContain('[EMAIL_1]');
  expect(lines).not.toContain('@example.com');
});

test('strict reading leaves out an answer of our own and does not refuse the log', async () => {
  const metadata = servedCallMetadata({
    ...{ deployment: 'shop', decision: 1, arm: 'champion', outcome: 'ok' },
    ...{ answeredBy: 'champion', armLatencyMs: 9 },
  } as const);
  const rows = shopRows(60).map((row, index) => (index === 6 ? { ...row, actual: undefined, metadata } : row));
  const { manifest } = await bench.build(pipelineOf(rows, { clean: { rows: 'strict' } }));
  expect(manifest.verdicts).toContainEqual({ verdict: 'own-answer', rows: 1, places: [expect.stringMatching(/:7$/)] });
});
