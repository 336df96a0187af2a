import path from 'node:path';
import fc from 'fast-check';
import { alignColumns, runTable } from '../../src/cli/run-table.ts';
import type { RunJson } from '../../src/client/runs.ts';
import { summarizeRun } from '../../src/core/run/summarize-run.ts';
import {
  sampleCandidate,
  sampleContender,
  sampleEvaluation,
  sampleOutcome,
  sampleParts,
  sampleTest,
} from '../report/sample-run.ts';

const ended = (changes: Parameters<typeof sampleParts>[0] = {}, more: Partial<RunJson> = {}): RunJson => ({
  ...summarizeRun(sampleParts(changes)),
  reportPath: '/runs/report.html',
  status: 'completed',
  historyEvents: 77,
  seconds: 75,
  ...more,
});
const lineOf = (table: string, text: string) => table.split('\n').find((line) => line.includes(text)) ?? '';

describe('columns', () => {
  test('columns stand under each other: the first to the left, the others to the right', () => {
    const rows = [
      ['', 'score'],
      ['long name', '1'],
      ['b', '100.0 %'],
    ];
    expect(alignColumns(rows)).toBe('             score\nlong name        1\nb          100.0 %');
  });

  test('columns end at the same place in every row, and no line ends with white space', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '1', '.'), minLength: 1, maxLength: 8 });
    const table = fc
      .integer({ min: 1, max: 5 })
      .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1 }));
    fc.assert(
      fc.property(table, (rows) => {
        const lines = alignColumns(rows).split('\n');
        expect(lines).toHaveLength(rows.length);
        for (const [index, line] of lines.entries()) {
          expect(line).toBe(line.trimEnd());
          expect(line.split(/ +/)).toEqual(rows[index]);
        }
        if ((rows[0]?.length ?? 0) > 1) expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
      }),
    );
  });

  test('no rows are no text', () => {
    expect(alignColumns([])).toBe('');
  });
});

describe('a run that has no result', () => {
  test('a run without a result shows its state and the time since when', () => {
    const run: RunJson = { runId: 'support/1', status: 'running', historyEvents: 5, seconds: 65 };
    expect(runTable(run)).toBe('Run support/1 running after 1 min 05 s');
  });

  test('a failed run says why it failed, without characters that drive a terminal', () => {
    const error = { code: 'BUDGET_EXCEEDED', message: 'too \u001b[31mdear\u202e' };
    const run: RunJson = { runId: 'support/1', status: 'failed', error, historyEvents: 5, seconds: 1 };
    expect(runTable(run)).toBe('Run support/1 failed after 1 s\nBUDGET_EXCEEDED: too [31mdear');
  });
});

describe('a run with a result', () => {
  test('a run with a result has each candidate with its figures, the winner marked', () => {
    const table = runTable(ended());
    expect(lineOf(table, '* a')).toMatch(/^\* a +90\.0 % +\$0\.0100 +5\.0 ms +12\.0 ms +1 min 30 s$/);
    expect(lineOf(table, '  b')).toMatch(/^ {2}b +80\.0 %/);
  });

  test('a result has the status of a candidate without a model', () => {
    const job = { state: 'failed', jobId: null, reason: 'unsafe_file', trainingUsd: null, pause: null } as const;
    const outcomes = [...sampleParts().outcomes, sampleOutcome('c', { job, contenders: [] })];
    expect(lineOf(runTable(ended({ outcomes })), '  c')).toMatch(/^ {2}c +failed +- +- +- +-$/);
  });

  test('a result has the checkpoints of a candidate under it, and marks the one that won', () => {
    const a = sampleCandidate('a');
    const contenders = [
      sampleContender(a, sampleEvaluation()),
      sampleContender(a, sampleEvaluation({ score: 0.95 }), 2),
    ];
    const selection = { ...sampleParts().selection, winner: 'a@2' };
    const lines = runTable(ended({ outcomes: [sampleOutcome('a', { contenders })], selection })).split('\n');
    expect(lines.slice(1, 3)).toEqual([
      expect.stringMatching(/^ {2}a +90\.0 %/),
      expect.stringMatching(/^\* a@2 +95\.0 %/),
    ]);
  });

  test('a result says why a candidate has no model', () => {
    const job = {
      state: 'failed' as const,
      jobId: 'ftjob-1',
      reason: 'invalid_file_format: line 3',
      trainingUsd: null,
      pause: null,
    };
    const table = runTable(ended({ outcomes: [sampleOutcome('a'), sampleOutcome('b', { job, contenders: [] })] }));
    expect(table).toContain('\n  b failed: invalid_file_format: line 3\n');
    expect(table).not.toContain('  a succeeded');
  });

  test('a result has baseline and winner on the same rows', () => {
    const table = runTable(ended());
    expect(lineOf(table, 'before: gpt-4o (recorded, whole prompt)')).toMatch(/ 68\.0 % of 50 +\$0\.400 +900 ms/);
    expect(lineOf(table, 'after: winner')).toMatch(/ 92\.0 % of 50 +\$0\.0200 +5\.0 ms/);
  });

  test('a result without a winner has no row of a winner', () => {
    const rejected = { a: 'too slow', b: 'too slow' };
    const selection = { ...sampleParts().selection, winner: null, reason: null, rejected };
    const tested = sampleTest({ winner: { evaluation: null, failure: null }, comparison: null });
    const table = runTable(ended({ selection, tested }));
    expect(table).not.toContain('after:');
    expect(table).toContain('DO NOT FINE-TUNE: ');
  });

  test('a result says that a figure is unknown, and invents none', () => {
    const baseline = sampleEvaluation({ model: null, score: null, n: 0, costPer1kUsd: null, p50Ms: null, p95Ms: null });
    const tested = sampleTest({ baseline: { evaluation: baseline, failure: null } });
    expect(lineOf(runTable(ended({ tested })), 'before: unknown')).toMatch(/ unknown +- +- +-$/);
  });

  test('a result ends with verdict, notes, report and time', () => {
    const lines = runTable(ended({}, { notes: ['a note'] })).split('\n');
    expect(lines.slice(-5)).toEqual([
      expect.stringMatching(/^FINE-TUNE: .*local trainer, not an LLM/),
      '  a note',
      'Report: /runs/report.html',
      'Spent: $1.25 for 8 of 8 epochs and the evaluations',
      'Took 1 min 15 s, 77 history events.',
    ]);
  });

  test('a result names a report under the current folder relative to it', () => {
    const reportPath = path.join(process.cwd(), '.tuneloop', 'runs', 'report.html');
    expect(runTable(ended({}, { reportPath }))).toContain(`Report: ${path.join('.tuneloop', 'runs', 'report.html')}\n`);
  });

  test('a result drives no terminal and adds no line, whatever model names and notes hold', () => {
    const lines = runTable(ended({}, { notes: ['note'] })).split('\n').length;
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('gpt\u001b[2J', 'gpt\nTook 0 s', 'gpt\r\u009b1A', 'gpt\u202e'),
    );
    fc.assert(
      fc.property(hostile, hostile, (model, note) => {
        const tested = sampleTest({ baseline: { evaluation: sampleEvaluation({ model }), failure: null } });
        const table = runTable(ended({ tested }, { notes: [note] }));
        expect(table).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
        expect(table.split('\n')).toHaveLength(lines);
      }),
      { numRuns: 200 },
    );
  });
});
