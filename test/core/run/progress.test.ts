import fc from 'fast-check';
import { renderProgress } from '../../../src/core/run/progress.ts';
import {
  belongsToCandidate,
  type CandidateProgress,
  type RunProgress,
  STAGES,
} from '../../../src/core/run/run-progress.ts';

const candidate = (id: string, changes: Partial<CandidateProgress> = {}): CandidateProgress => ({
  id,
  stage: 'waiting',
  score: null,
  costPer1kUsd: null,
  p95Ms: null,
  note: null,
  ...changes,
});
const progress = (changes: Partial<RunProgress> = {}): RunProgress => ({
  stage: 'train',
  paused: null,
  dataset: null,
  estimate: null,
  candidates: [],
  winner: null,
  verdict: null,
  ...changes,
});
const rowsOf = (markdown: string) => markdown.split('\n').filter((line) => line.startsWith('|'));

test('the progress names the stage and its place among all', () => {
  expect(renderProgress(progress({ stage: 'collect' }))).toBe('**Stage 1 of 11: collect**');
  expect(renderProgress(progress({ stage: 'done' }))).toBe('**Stage 11 of 11: done**');
});

test('the progress writes "2 of 4" and never "2/4", which the Web UI makes a fraction', () => {
  const candidates = [
    candidate('a', { stage: 'trained' }),
    candidate('b', { stage: 'failed' }),
    candidate('c', { stage: 'training' }),
    candidate('d'),
  ];
  for (const stage of STAGES) {
    const markdown = renderProgress(progress({ stage, candidates }));
    expect(markdown).toContain('2 of 4 jobs ended');
    expect(markdown).not.toMatch(/\d\/\d/);
  }
});

test.each([
  ['waiting', 0],
  ['training', 0],
  ['trained', 1],
  ['evaluating', 1],
  ['evaluated', 1],
  ['failed', 1],
  ['cancelled', 1],
  ['stopped', 1],
] as const)('a candidate that is %s counts as %i ended job', (stage, ended) => {
  expect(renderProgress(progress({ candidates: [candidate('a', { stage })] }))).toContain(`${ended} of 1 jobs ended`);
});

test('the progress shows the verdict first, then dataset and estimate if known, one paragraph each', () => {
  const markdown = renderProgress(progress({ dataset: '200 examples', estimate: '$6', verdict: 'a won.' }));
  expect(markdown.split('\n\n')).toEqual(['**Stage 5 of 11: train**', 'a won.', '200 examples', '$6']);
});

test('the progress shows the known figures of a candidate, and nothing for the others', () => {
  const evaluated = candidate('a', { stage: 'evaluated', score: 0.914, costPer1kUsd: 0.0123, p95Ms: 12.34 });
  const rows = rowsOf(renderProgress(progress({ candidates: [evaluated, candidate('b')] })));
  expect(rows.slice(2).map((row) => row.replaceAll('\u00a0', ''))).toEqual([
    '| a | evaluated | 91.4 % | $0.0123 | 12.3 |  |',
    '| b | waiting |  |  |  |  |',
  ]);
  // Without a space of its own, a cell touches the next one in the Web UI.
  expect(rows[2]).toContain('| evaluated\u00a0\u00a0 |');
});

test('the progress marks the winner, and no other', () => {
  const candidates = [candidate('a'), candidate('b', { note: 'lower validation score' })];
  const rows = rowsOf(renderProgress(progress({ winner: 'a', candidates })));
  expect(rows.filter((row) => row.includes('**winner**'))).toEqual([rows[2]]);
  expect(rows[3]).toContain('| lower validation score |');
});

test('a hostile note or id adds no row and no cell', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a | b', '\n| x |', '\\|', '</td>', '\r\n\r\n'),
  );
  fc.assert(
    fc.property(hostile, hostile, (id, note) => {
      const markdown = renderProgress(progress({ candidates: [candidate(id, { note }), candidate('z')] }));
      const rows = rowsOf(markdown);
      expect(rows).toHaveLength(4);
      expect([...(rows[2] ?? '').matchAll(/(?<!\\)(?:\\\\)*\|/g)]).toHaveLength(7);
      expect(markdown.split('\n\n')).toHaveLength(3);
    }),
    { numRuns: 300 },
  );
});

test('the same progress gives the same text: workflows have to be deterministic', () => {
  const run = progress({ candidates: [candidate('a', { score: 0.5 })] });
  expect(renderProgress(structuredClone(run))).toBe(renderProgress(run));
});

test('a checkpoint that won marks its candidate as the winner, and no other', () => {
  const candidates = [candidate('m-e4'), candidate('m-e40')];
  const [, , first, second] = rowsOf(renderProgress(progress({ candidates, winner: 'm-e4@2' })));
  expect(first).toContain('**winner**');
  expect(second).not.toContain('**winner**');
  expect([
    belongsToCandidate('m-e4', 'm-e4'),
    belongsToCandidate('m-e4@2', 'm-e4'),
    belongsToCandidate('m-e40', 'm-e4'),
  ]).toEqual([true, true, false]);
});
