import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compare } from '../../src/cli/compare.ts';
import type { Report } from '../../src/report/report.ts';
import { writeFileAtomically } from '../../src/stores/files.ts';
import { runFolder } from '../../src/stores/run-folder.ts';
import { sampleReport } from '../report/sample-report.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const SAMPLE = sampleReport();
const reportWith = (changes: Partial<Report> = {}): Report => ({ ...SAMPLE, ...changes });

const root = temporaryFolder();
let home: string;
let before: string | undefined;
beforeEach(() => {
  before = process.env.TUNELOOP_HOME;
  home = mkdtempSync(path.join(root, 'home-'));
  process.env.TUNELOOP_HOME = home;
});
afterEach(() => {
  if (before === undefined) delete process.env.TUNELOOP_HOME;
  else process.env.TUNELOOP_HOME = before;
});

type Row = [id: string, winner: number | null];

/** Puts a run's files where the worker writes them. */
async function writeRun(runId: string, rows: Row[], changes: Partial<Report> = {}): Promise<void> {
  const folder = runFolder(home, runId);
  const scores = rows.map(([id, winner]) => `${JSON.stringify({ id, winner, baseline: 0 })}\n`);
  await writeFileAtomically(path.join(folder, 'report.json'), JSON.stringify(reportWith({ runId, ...changes })));
  await writeFileAtomically(path.join(folder, 'scores.jsonl'), scores.join(''));
}

const rows = (right: number, n: number): Row[] =>
  Array.from({ length: n }, (_, row) => [`row-${row}`, Number(row < right)]);

/** The output of the command. */
async function output(json = false): Promise<string> {
  const write = process.stdout.write;
  let text = '';
  process.stdout.write = (chunk: string | Uint8Array) => {
    text += chunk;
    return true;
  };
  try {
    expect(await compare('support/1', 'support/2', { json })).toBe(0);
    return text;
  } finally {
    process.stdout.write = write;
  }
}

test('compare says what has changed, then shows both runs side by side', async () => {
  await writeRun('support/1', rows(50, 100));
  await writeRun('support/2', rows(90, 100), { spent: { ...reportWith().spent, usd: 7 } });
  const text = await output();
  const [changes, table] = text.split('\n\n');
  expect(changes).toMatch(/^The second winner against the first: better, \+40\.0 points .* 40 gained, 0 lost/m);
  expect(table?.split('\n')[0]).toMatch(/^ +support\/1 +support\/2$/);
  expect(table).toMatch(/^spent +\S+ +\$7\.00$/m);
});

test('compare gives the same with --json', async () => {
  await writeRun('support/1', rows(50, 100));
  await writeRun('support/2', rows(90, 100));
  expect(JSON.parse(await output(true))).toMatchObject({
    runs: ['support/1', 'support/2'],
    winners: { verdict: 'better', n: 100, gained: 40, lost: 0 },
    changes: expect.arrayContaining([expect.any(String)]),
    figures: expect.arrayContaining([expect.objectContaining({ name: 'winner' })]),
  });
});

test('compare leaves out rows without a score of the winner, and rows that share their id', async () => {
  await writeRun('support/1', [...rows(50, 100), ['row-0', 1]]);
  await writeRun('support/2', [...rows(90, 99), ['row-99', null]]);
  expect(JSON.parse(await output(true)).winners.n).toBe(98);
});

test('compare drives no terminal, whatever names hold', async () => {
  await writeRun('support/1', rows(1, 2));
  await writeRun('support/2', rows(1, 2), { winner: '\u001b[2J\u202eevil\r\nline' });
  expect(await output()).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
});

describe('compare names the file and the run that cannot be read', () => {
  test.each<[string, () => Promise<void>, string, RegExp]>([
    [
      'a run that is not there',
      async () => {},
      'RUN_NOT_FOUND',
      /report of support\/2 is not on this machine .*ENOENT/,
    ],
    [
      'a report of an older version',
      () => writeFileAtomically(path.join(runFolder(home, 'support/2'), 'report.json'), '{"runId":"support/2"}'),
      'REPORT_UNREADABLE',
      /report\.json cannot be read .*older version/,
    ],
    [
      'scores that are cut off',
      async () => {
        await writeRun('support/2', rows(1, 2));
        writeFileSync(
          path.join(runFolder(home, 'support/2'), 'scores.jsonl'),
          '{"id":"secret","winner":1}\n{"id":"sec',
        );
      },
      'REPORT_UNREADABLE',
      /scores\.jsonl: line 2 is no score of a row: restore/,
    ],
  ])('%s', async (_what, prepare, code, message) => {
    await writeRun('support/1', rows(1, 2));
    await prepare();
    const failure = compare('support/1', 'support/2', {});
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(failure).rejects.not.toThrow(/secret/);
  });
});
