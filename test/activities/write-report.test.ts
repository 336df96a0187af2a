import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Manifest } from '../../src/core/dataset/manifest.ts';
import type { ArtifactRef } from '../../src/core/run/artifact-ref.ts';
import type { WriteReportInput } from '../../src/core/run/report-input.ts';
import { summarizeRun } from '../../src/core/run/summarize-run.ts';
import { FLIPS_SHOWN, type Report } from '../../src/report/report.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { sampleParts } from '../report/sample-run.ts';
import { ActivityBench } from '../setup/activity-bench.ts';

let bench: ActivityBench;
beforeAll(async () => {
  bench = await ActivityBench.start();
});
afterAll(() => bench.stop());

const ROWS = 60;

/** This many rows of two labels, of which the winner is right on all but the last ten, the baseline on every other one. */
async function input(changes: Partial<WriteReportInput> = {}): Promise<WriteReportInput> {
  const { artifacts, definition } = bench;
  const rows = Array.from({ length: ROWS }, (_, index) => index);
  const label = (index: number) => (index % 3 === 0 ? 'refund' : 'shipping');
  const examples = rows.map((index) => ({
    id: `row-${index}`,
    line: index,
    input: 'x'.repeat(index),
    completion: label(index),
  }));
  const predictions = (right: (index: number) => boolean) =>
    rows.map((index) => {
      const answer = right(index) ? label(index) : 'other';
      return { index, id: `row-${index}`, answer, score: Number(right(index)) };
    });
  const manifest: Manifest = {
    pipeline: 'bench',
    inputs: '0',
    parent: null,
    source: { names: ['log.jsonl'], rows: 100, choice: '0' },
    snapshot: definition,
    template: { ref: definition, versions: 2 },
    clean: { rows: 'lenient', instructions: 'auto', duplicates: 'near', redact: [], phone_region: 'US' },
    split: { validation: 0.15, by: 'hash', seed: 1, test: 0.15 },
    salt: { version: 1, sha256: '0' },
    counts: { train: 10, validation: 10, test: ROWS },
    groups: { all: 80, nearDuplicates: 3 },
    labels: { refund: { train: 5, validation: 5, test: 20 }, shipping: { train: 5, validation: 5, test: 40 } },
    verdicts: [],
    redactions: { email: 2 },
    conflicts: { groups: 0, shown: [] },
    quarantined: 0,
    warnings: [],
    examples: { train: definition, validation: definition, test: definition },
    files: [],
    keys: definition,
    ledger: definition,
    tokens: { treated: {}, completion: 1, prompt: 1 },
  };
  const lines = (values: readonly unknown[]): Promise<ArtifactRef> =>
    artifacts.write(values.map((value) => JSON.stringify(value)));
  return {
    definition,
    summary: summarizeRun(sampleParts()),
    manifest: await writeJson(artifacts, manifest),
    judged: {
      examples: await lines(examples),
      winner: await lines(predictions((index) => index < ROWS - 10)),
      baseline: await lines(predictions((index) => index % 2 === 0)),
    },
    jobs: [],
    winner: null,
    ...changes,
  };
}

async function written(changes: Partial<WriteReportInput> = {}) {
  const { reportPath } = await bench.run('writeReport', await input(changes));
  const read = (name: string) => readFileSync(path.join(path.dirname(reportPath), name), 'utf8');
  const report: Report = JSON.parse(read('report.json'));
  return { reportPath, read, report };
}

test('the report is written in four forms, for its owner only', async () => {
  const { reportPath, read } = await written();
  expect(path.basename(reportPath)).toBe('report.html');
  expect(read('report.html')).toMatch(/^<!doctype html>/i);
  expect(read('report.md')).toContain('The winner is better');
  for (const name of ['report.html', 'report.md', 'report.json', 'scores.jsonl']) {
    expect(statSync(path.join(path.dirname(reportPath), name)).mode & 0o077).toBe(0);
  }
});

test('scores are kept row by row', async () => {
  const { read } = await written();
  const scores = read('scores.jsonl').trimEnd().split('\n');
  expect(scores).toHaveLength(ROWS);
  expect(scores.slice(0, 2).map((line) => JSON.parse(line))).toEqual([
    { id: 'row-0', winner: 1, baseline: 1 },
    { id: 'row-1', winner: 1, baseline: 0 },
  ]);
});

test('flips are shown both ways, with excerpts, and no more than fit', async () => {
  const { report } = await written();
  expect(report.flips?.gained).toHaveLength(FLIPS_SHOWN);
  expect(report.flips?.lost.map(({ id }) => id)).toEqual(['row-50', 'row-52', 'row-54', 'row-56', 'row-58']);
  expect(report.flips?.lost[0]).toMatchObject({ winner: 'other', baseline: 'shipping', difference: -1 });
});

test('the labels are those of the winner', async () => {
  const { report } = await written();
  expect(report.classification).toMatchObject({ n: ROWS, accuracy: 50 / 60, invalid: 10 / 60 });
  expect(report.data).toMatchObject({ rowsRead: 100, groups: { all: 80, nearDuplicates: 3 }, templateVersions: 2 });
});

test('rows that only one of the two has answered are no flips', async () => {
  const some = await bench.artifacts.write([JSON.stringify({ index: 1, id: 'row-1', answer: 'x', score: 0 })]);
  const { judged } = await input();
  const { report, read } = await written({ judged: { ...judged, baseline: some } });
  expect(report.flips).toMatchObject({ gained: [{ id: 'row-1' }], lost: [] });
  expect(JSON.parse(read('scores.jsonl').split('\n')[0] ?? '')).toEqual({ id: 'row-0', winner: 1, baseline: null });
});

test('without a winner there are neither labels nor flips', async () => {
  const { judged } = await input();
  const { report } = await written({ judged: { ...judged, winner: null } });
  expect([report.classification, report.flips]).toEqual([null, null]);
});

test('a provider that reports nothing about a job loses no report', async () => {
  const jobs = [{ candidate: 'a', jobId: 'ftjob-none', plannedEpochs: 4, stoppedAfterEpoch: null }];
  const { report } = await written({ jobs });
  expect(report.curves).toEqual([{ candidate: 'a', plannedEpochs: 4, stoppedAfterEpoch: null, points: [] }]);
});
