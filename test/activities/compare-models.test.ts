import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import { ActivityBench } from '../setup/activity-bench.ts';

let bench: ActivityBench;
beforeAll(async () => {
  bench = await ActivityBench.start();
});
afterAll(() => bench.stop());

/** An evaluation of this many rows, right on the first of them; rows may be in any order, and some may be missing. */
function predictions(rows: readonly number[], right: number): Promise<ArtifactRef> {
  return bench.artifacts.write(
    rows.map((index) => JSON.stringify({ index, id: `row-${index}`, answer: 'x', score: Number(index < right) })),
  );
}
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index);

test('the winner is chosen by the scores that lie in the artifacts', async () => {
  const contenders = [
    { id: 'good', predictions: await predictions(upTo(50), 45), costPer1kUsd: 1, p95Ms: 10, invalid: 0 },
    { id: 'bad', predictions: await predictions(upTo(50), 10), costPer1kUsd: 2, p95Ms: 10, invalid: 0 },
  ];
  const selection = await bench.run('selectWinner', { definition: bench.definition, contenders });
  expect(selection).toMatchObject({ winner: 'good', front: ['good'] });
});

test('models are compared on the rows that both have a score for, whatever order they lie in', async () => {
  const { definition } = bench;
  const winner = await predictions(upTo(50).toReversed(), 46);
  const others = [await predictions(upTo(40), 20), null, await predictions([60, 61], 0)];
  const [first, second, third] = await bench.run('compareModels', { definition, winner, others, chosenAmong: 1 });
  expect(first).toMatchObject({ n: 40, gained: 20, lost: 0, difference: 0.5, verdict: 'better' });
  expect([second, third]).toEqual([null, null]);
});

test('a winner that the same rows chose among many needs stronger evidence', async () => {
  const { definition } = bench;
  const winner = await predictions(upTo(50), 46);
  const others = [await predictions(upTo(50), 39)];
  const verdictAmong = async (chosenAmong: number) =>
    (await bench.run('compareModels', { definition, winner, others, chosenAmong }))[0]?.verdict;
  expect(await verdictAmong(1)).toBe('better');
  expect(await verdictAmong(9)).not.toBe('better');
});

test('half of a file is about half of its lines, in their order, and the same ones when the file grows', async () => {
  const lines = upTo(1000).map((line) => JSON.stringify({ line }));
  const half = async (rows: readonly string[]) => {
    const ref = await bench.run('halveFile', { file: await bench.artifacts.write(rows) });
    return Array.fromAsync(bench.artifacts.rows(ref));
  };
  const before = await half(lines.slice(0, 900));
  const after = await half(lines);
  expect(before.length).toBeGreaterThan(380);
  expect(before.length).toBeLessThan(520);
  expect(lines.filter((line) => before.includes(line))).toEqual(before);
  expect(after.slice(0, before.length)).toEqual(before);
});
