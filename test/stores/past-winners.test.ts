import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { addPastWinner, type PastWinner, readPastWinners } from '../../src/stores/past-winners.ts';
import { temporaryHome } from '../setup/cli.ts';

const { home, remove } = temporaryHome();
afterAll(remove);

let pipelines = 0;
let pipeline = '';
beforeEach(() => {
  pipelines += 1;
  pipeline = `shop-${pipelines}`;
});

const winner = (number: number, changes: Partial<PastWinner> = {}): PastWinner => ({
  run: `shop/${number}`,
  wonAt: '2026-11-23T08:15:30.042Z',
  baseModel: 'local-mini',
  hyperparameters: { learningRateMultiplier: number, epochs: 4 },
  treatment: 'strip',
  ...changes,
});
const fileOf = (name: string) => path.join(home, 'past-winners', `${name}.json`);
const write = (text: string) => {
  mkdirSync(path.join(home, 'past-winners'), { recursive: true });
  writeFileSync(fileOf(pipeline), text);
};

test('a pipeline without history has no winners, and no warning', async () => {
  expect(await readPastWinners(home, pipeline)).toEqual({ winners: [], warning: null });
});

test('winners are read back, the newest first, for their own pipeline only', async () => {
  const withBatch = winner(2, { hyperparameters: { learningRateMultiplier: 2, epochs: 4, batchSize: 8 } });
  await addPastWinner(home, pipeline, winner(1));
  await addPastWinner(home, pipeline, withBatch);
  expect(await readPastWinners(home, pipeline)).toEqual({ winners: [withBatch, winner(1)], warning: null });
  expect((await readPastWinners(home, 'other')).winners).toEqual([]);
});

test('settings that win again are kept once, as the newest', async () => {
  for (const number of [1, 2, 1]) await addPastWinner(home, pipeline, winner(number, { run: `run-${number}` }));
  expect((await readPastWinners(home, pipeline)).winners.map(({ run }) => run)).toEqual(['run-1', 'run-2']);
  const again = { ...winner(1), run: 'later' };
  await addPastWinner(home, pipeline, again);
  await addPastWinner(home, pipeline, again);
  expect((await readPastWinners(home, pipeline)).winners.map(({ run }) => run)).toEqual(['later', 'run-2']);
});

test('the twenty newest winners are kept', async () => {
  for (let number = 1; number <= 22; number += 1) await addPastWinner(home, pipeline, winner(number));
  const { winners } = await readPastWinners(home, pipeline);
  expect(winners.map(({ run }) => run)).toEqual(Array.from({ length: 20 }, (_, index) => `shop/${22 - index}`));
});

test.each([
  ['cut off', '[{"run": "shop/1"', /it is no list of winners/],
  ['another thing', '{"winner": []}', /it is no list of winners/],
  ['of a newer format', '{"format": 2, "winners": []}', /it is no list of winners/],
  [
    'with a strange entry',
    JSON.stringify([{ ...winner(1), hyperparameters: { epochs: -1 } }, winner(2)]),
    /not all of it/,
  ],
])('a file that is %s causes a warning and is used as far as possible', async (_, text, reason) => {
  write(text);
  const { winners, warning } = await readPastWinners(home, pipeline);
  expect(warning).toContain(fileOf(pipeline));
  expect(warning).toMatch(reason);
  expect(winners).toEqual(text.startsWith('[{"run":"shop/1"') ? [winner(2)] : []);
  await addPastWinner(home, pipeline, winner(3));
  expect((await readPastWinners(home, pipeline)).warning).toBeNull();
});

test('an unreadable file causes a warning', async () => {
  mkdirSync(fileOf(pipeline), { recursive: true });
  expect(await readPastWinners(home, pipeline)).toEqual({ winners: [], warning: expect.stringContaining('(EISDIR)') });
});

test('the file is for its owner only, and nothing is left beside it', async () => {
  await addPastWinner(home, pipeline, winner(1));
  expect(statSync(fileOf(pipeline)).mode & 0o777).toBe(0o600);
  expect(readdirSync(path.dirname(fileOf(pipeline))).filter((name) => name.includes('writing'))).toEqual([]);
});

test('a name cannot leave the folder', async () => {
  await addPastWinner(home, '../../elsewhere', winner(1));
  expect(readdirSync(path.join(home, 'past-winners'))).toContain('.._.._elsewhere.json');
});
