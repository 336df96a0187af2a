import fc from 'fast-check';
import { markdownReport } from '../../src/report/markdown-report.ts';
import type { RunResult } from '../../src/report/run-result.ts';
import { summarizeRun } from '../../src/report/summarize-run.ts';
import { sampleEvaluation, sampleOutcome, sampleParts } from './sample-run.ts';

const sampleResult = (changes: Parameters<typeof sampleParts>[0] = {}): RunResult => ({
  ...summarizeRun(sampleParts(changes)),
  reportPath: '/runs/report.md',
});

/** The tables of a report, as rows of cells. */
function tablesOf(report: string): string[][][] {
  return report
    .split('\n\n')
    .filter((block) => block.startsWith('| '))
    .map((block) => block.split('\n').map((row) => row.slice(2, -2).split(/(?<=(?<!\\)(?:\\\\)*) \| /)));
}

test('shows baseline and winner side by side', () => {
  const [[, , baseline, winner] = []] = tablesOf(markdownReport(sampleResult()));
  expect(baseline?.slice(1)).toEqual(['gpt-4o', '88.0 % (n = 50)', '$0.400', '900 ms', '1800 ms']);
  expect(winner?.slice(1)).toEqual(['ft:local-mini:a', '92.0 % (n = 50)', '$0.0200', '5.0 ms', '12.0 ms']);
});

test('says by how many points the quality changed, and what it costs', () => {
  expect(markdownReport(sampleResult())).toContain('Quality +4.0 points, 95.0 % cheaper.');
  const worse = sampleResult({ winnerOnTest: sampleEvaluation({ score: 0.78, costPer1kUsd: 0.5 }) });
  expect(markdownReport(worse)).toContain('Quality -10.0 points, 25.0 % dearer.');
});

test('claims no change of quality where one side is unknown', () => {
  const report = markdownReport(sampleResult({ baseline: sampleEvaluation({ score: null, costPer1kUsd: null }) }));
  expect(report).not.toContain('Quality');
  expect(report).toContain('Cost: costs cannot be compared.');
});

test('has one row for each candidate, the winner in bold and the others with their reason', () => {
  const job = { state: 'failed', jobId: null, reason: 'unsafe_file', trainingUsd: null, pause: null } as const;
  const outcomes = [...sampleParts().outcomes, sampleOutcome('c', { job, evaluation: null })];
  const [, [, , ...rows] = []] = tablesOf(markdownReport(sampleResult({ outcomes })));
  expect(rows.map((row) => [row[0], row[1], row[2], row.at(-1)])).toEqual([
    ['**a**', 'succeeded', '90.0 %', 'winner'],
    ['b', 'succeeded', '80.0 %', 'lower validation score'],
    ['c', 'failed', '–', 'unsafe\\_file'],
  ]);
});

test('names the dataset version and its counts', () => {
  const report = markdownReport(sampleResult());
  expect(report).toContain(
    '`0123456789abcdef`: 200 examples to train on, 40 to choose the winner, 50 to judge it; 7 rows',
  );
});

test('has the estimate beside what the run cost', () => {
  expect(markdownReport(sampleResult())).toContain('\n\nEstimate: machine time. Spent: $1.25.\n\n');
});

test('has notes only where there are any', () => {
  expect(markdownReport({ ...sampleResult(), notes: ['first', 'second'] })).toContain(
    '## Notes\n\n* first\n* second\n',
  );
  expect(markdownReport({ ...sampleResult(), notes: [] })).not.toContain('## Notes');
});

test('a run without a winner can be reported', () => {
  const selection = { winner: null, rejected: { a: 'too slow', b: 'too slow' } };
  const report = markdownReport(sampleResult({ selection, winnerOnTest: null }));
  expect(report).toContain('**No candidate passed the limits of the pipeline.**');
  const [before = []] = tablesOf(report);
  expect(before.map(([name]) => name).join()).not.toContain('winner');
});

test('text from outside stays inert: it adds no row, cell, heading, link or tag', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('x | y |\n| z |', '\n\n# Owned', '<script>alert(1)</script>', '[a](javascript:b)', '\\|', '`|`'),
  );
  fc.assert(
    fc.property(fc.tuple(text, text, text, text), ([pipeline, model, reason, note]) => {
      const plain = sampleResult();
      const [first, second] = plain.candidates;
      if (!first || !second) throw new Error('two candidates expected');
      const report = markdownReport({
        ...plain,
        pipeline,
        baseline: { ...plain.baseline, model },
        winnerModel: model,
        estimate: model,
        winnerJudged: { ...plain.baseline, model },
        candidates: [first, { ...second, id: model, reason }],
        notes: [note],
      });
      const shape = (markdown: string) => tablesOf(markdown).map((rows) => rows.map((row) => row.length));
      expect(shape(report)).toEqual(shape(markdownReport({ ...plain, notes: ['note'] })));
      expect(report.match(/^#+ /gm)).toEqual(['# ', '## ', '## ', '## ', '## ']);
      expect(report).not.toMatch(/(?<!\\)(?:\\\\)*[<[]/);
    }),
  );
});
