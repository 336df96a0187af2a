import { DatasetBench } from '../setup/dataset-bench.ts';
import { shopRows } from '../setup/shop-log.ts';

const bench = new DatasetBench();
afterAll(() => bench.remove());

const pipeline = (seed: number) => ({
  name: `shop-${seed}`,
  source: { type: 'jsonl', path: bench.log('log.jsonl', shopRows(300)) },
  split: { seed },
});

/** Predictions on rows, of a model that is right on all or on none. */
const predictions = (rows: number, score: number) =>
  bench.artifacts.write(
    Array.from({ length: rows }, (_, index) => JSON.stringify({ index, id: `${index}`, score, answer: '' })),
  );

async function compare(championSeed: number, judgingSeed: number) {
  const { dataset: champions } = await bench.build(pipeline(championSeed));
  const { dataset } = await bench.build(pipeline(judgingSeed));
  const { test } = dataset.examples;
  const comparison = await bench.run('compareWithChampion', {
    definition: await bench.define(pipeline(judgingSeed)),
    examples: test,
    winner: await predictions(test.rows, 1),
    champion: await predictions(test.rows, 0),
    championManifest: champions.manifest,
    chosenAmong: 1,
  });
  const seen = new Set(
    (await Promise.all((['train', 'validation'] as const).map((side) => bench.examples(champions, side))))
      .flat()
      .map(({ input }) => input),
  );
  const untouched = (await bench.examples(dataset, 'test')).filter(({ input }) => !seen.has(input));
  return { comparison, rows: test.rows, untouched: untouched.length };
}

test('rows that stayed on their side all judge', async () => {
  const { comparison, rows } = await compare(1, 1);
  expect(comparison).toMatchObject({ n: rows, verdict: 'better' });
});

test('under another seed only those rows judge that neither trained nor chose the champion', async () => {
  const { comparison, rows, untouched } = await compare(1, 2);
  expect(untouched).toBeLessThan(rows);
  expect(comparison?.n).toBe(untouched);
});
