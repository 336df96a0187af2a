import path from 'node:path';
import { durationText, millisecondsText, percentText, plainLine, plainText, usdText } from '../report/format.ts';
import type { Judged, RunResult } from '../report/run-result.ts';
import { verdictOf } from '../report/summarize-run.ts';
import type { RunJson } from './runs.ts';

/** The result of a run as a table for the terminal. */
export function runTable(run: RunJson): string {
  if (!isResult(run)) {
    const reason = run.error ? `\n${run.error.code}: ${plainText(run.error.message)}` : '';
    return `Run ${run.runId} ${run.status} after ${durationText(run.seconds)}${reason}`;
  }
  const { baseline, winnerJudged, test, candidates, metric } = run;
  const rows = [
    ['', `validation ${metric}`, test ? `test ${metric}` : 'same rows', 'USD per 1,000', 'p50', 'p95', 'training'],
    ...candidates.map((candidate) => [
      `${candidate.id === run.winner ? '* ' : '  '}${plainLine(candidate.id)}`,
      candidate.validation ? percentText(candidate.validation.score) : candidate.status,
      '',
      orDash(candidate.costPer1kUsd, usdText),
      orDash(candidate.p50Ms, millisecondsText),
      orDash(candidate.p95Ms, millisecondsText),
      orDash(candidate.trainingSeconds, durationText),
    ]),
    judgedRow(`before: ${plainLine(baseline.model ?? 'unknown')} (${baseline.kind}, whole prompt)`, baseline),
    ...(winnerJudged ? [judgedRow('after: winner, inputs only', winnerJudged)] : []),
  ];
  const lost = candidates.flatMap(({ id, status, validation, reason }) =>
    validation === null && reason !== null ? [`  ${plainLine(id)} ${status}: ${plainLine(reason)}`] : [],
  );
  const notes = run.notes.map((note) => `  ${plainLine(note)}`);
  return [
    alignColumns(rows),
    ...lost,
    '',
    plainLine(verdictOf(run)),
    ...notes,
    `Report: ${nearPath(run.reportPath)}`,
    `Spent: ${usdText(run.spentUsd)}`,
    `Took ${durationText(run.seconds)}, ${run.historyEvents} history events.`,
  ].join('\n');
}

/** Winner and baseline stand on the same rows. */
function judgedRow(name: string, { score, n, costPer1kUsd, p50Ms, p95Ms }: Judged): string[] {
  return [
    name,
    '',
    score === null ? 'unknown' : `${percentText(score)} of ${n}`,
    orDash(costPer1kUsd, usdText),
    orDash(p50Ms, millisecondsText),
    orDash(p95Ms, millisecondsText),
    '',
  ];
}

/** A path as short as it can be said from here. */
function nearPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}

function isResult(run: RunJson): run is RunJson & RunResult {
  return run.candidates !== undefined;
}

const orDash = (value: number | null, text: (value: number) => string) => (value === null ? '-' : text(value));

/** Rows of cells as lines, the first column to the left and the others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
