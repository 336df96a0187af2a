import type { Example } from '../../src/core/dataset/row.ts';
import { DatasetBench } from '../setup/dataset-bench.ts';
import { readJsonRows } from '../setup/read-artifact.ts';
import { shopRows } from '../setup/shop-log.ts';

const bench = new DatasetBench();
afterAll(() => bench.remove());

const TOPICS = ['engine', 'brake', 'clutch', 'tyre', 'gearbox', 'exhaust', 'battery', 'mirror'];

/** Rows about another trade, with a label of their own. */
function garageRows(count: number): object[] {
  return shopRows(count).map((row, index) => {
    const message = `Message: the ${TOPICS[index % 8]} and the ${TOPICS[(index >> 3) % 8]} of car ${'abcdefgh'[index >> 6]}`;
    const [system] = (row as { messages: unknown[] }).messages;
    return {
      ...row,
      id: `garage-${index}`,
      messages: [system, { role: 'user', content: message }],
      completion: 'repair',
      actual: 'repair',
    };
  });
}

/** Two versions of a pipeline: with these rows, and with more of them. */
async function versions(name: string, first: readonly object[], more: readonly object[]) {
  const pipeline = { name, source: { type: 'jsonl', path: bench.log(`${name}.jsonl`, first) } };
  const before = await bench.build(pipeline);
  bench.log(`${name}.jsonl`, [...first, ...more]);
  const now = await bench.build(pipeline);
  return { manifest: now.dataset.manifest, since: before.dataset.manifest };
}

test('a version has nothing new against itself', async () => {
  const { since } = await versions('same', shopRows(90), []);
  const { newExamples, examples, drift, fresh } = await bench.run('compareData', { manifest: since, since });
  expect({ newExamples, examples, drift, rows: fresh.rows }).toEqual({
    newExamples: 0,
    examples: 90,
    drift: null,
    rows: 0,
  });
});

test('new examples are counted by their inputs, and the champion is asked for those rows alone', async () => {
  const compared = await bench.run('compareData', await versions('grown', shopRows(90), garageRows(40)));
  expect(compared).toMatchObject({
    newExamples: 40,
    examples: 90,
    drift: { significant: true, n: { old: 90, new: 40 } },
  });
  const fresh = await readJsonRows<Example>(bench.artifacts, compared.fresh);
  expect(fresh.map(({ completion }) => completion)).toEqual(fresh.map(() => 'repair'));
  expect(fresh).toHaveLength(40);
});

test('a few new rows are too few to speak of drift', async () => {
  const compared = await bench.run('compareData', await versions('few', shopRows(90), garageRows(29)));
  expect(compared).toMatchObject({ newExamples: 29, drift: null });
});

test('at most 300 new rows are for the champion', async () => {
  const compared = await bench.run('compareData', await versions('many', shopRows(60), shopRows(500).slice(60)));
  expect(compared).toMatchObject({ newExamples: 440, fresh: { rows: 300 } });
});
