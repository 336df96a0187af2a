import path from 'node:path';
import type { RunJson } from '../client/runs.ts';
import type { Recommendation } from '../core/evaluation/recommendation.ts';
import type { ContenderResult, Judged, RunResult } from '../core/run/run-result.ts';
import { durationText, millisecondsText, percentText, plainLine, plainText, usdText } from '../core/text/format.ts';

/** The result of a run as a table for the terminal. */
export function runTable(run: RunJson): string {
  if (!isResult(run)) {
    const reason = run.error ? `\n${run.error.code}: ${plainText(run.error.message)}` : '';
    return `Run ${run.runId} ${run.status} after ${durationText(run.seconds)}${reason}`;
  }
  const { baseline, winnerJudged, candidates, metric } = run;
  const rows = [
    ['', `validation ${metric}`, `${run.judgedOn} ${metric}`, 'USD per 1,000', 'p50', 'p95', 'training'],
    ...candidates.flatMap((candidate) => [
      contendedRow(candidate, run.winner, candidate.status, candidate.trainingSeconds),
      ...candidate.checkpoints.map((checkpoint) => contendedRow(checkpoint, run.winner, 'failed', null)),
    ]),
    judgedRow(`before: ${plainLine(baseline.model ?? 'unknown')} (${baseline.kind}, whole prompt)`, baseline),
    ...run.alternatives.flatMap(({ model, judged, constrained }) =>
      judged
        ? [judgedRow(`instead: ${plainLine(model)} (whole prompt${constrained ? ', held to the form' : ''})`, judged)]
        : [],
    ),
    ...(run.champion?.judged ? [judgedRow(`now: champion, inputs only`, run.champion.judged)] : []),
    ...(winnerJudged ? [judgedRow('after: winner, inputs only', winnerJudged)] : []),
  ];
  const lost = candidates.flatMap(({ id, status, validation, reason }) =>
    validation === null && reason !== null ? [`  ${plainLine(id)} ${status}: ${plainLine(reason)}`] : [],
  );
  const notes = run.notes.map((note) => `  ${plainLine(note)}`);
  const { epochs } = run.spent;
  return [
    alignColumns(rows),
    ...lost,
    '',
    `${RECOMMENDATIONS[run.recommendation]}: ${plainLine(run.reason)}`,
    ...(run.champion ? [`Champion ${plainLine(run.champion.model)}: ${plainLine(run.promotion.why)}`] : []),
    ...decisionLine(run),
    ...notes,
    `Report: ${nearPath(run.reportPath)}`,
    `Spent: ${usdText(run.spent.usd)} for ${epochs.trained} of ${epochs.planned} epochs and the evaluations`,
    `Took ${durationText(run.seconds)}, ${run.historyEvents} history events.`,
  ].join('\n');
}

/** The deployment's decision about the winner. */
function decisionLine({ decision, pipeline }: RunResult): string[] {
  switch (decision?.kind) {
    case 'proposed':
      return [`The winner waits for approval: tuneloop approve ${pipeline} --why REASON`];
    case 'canary':
    case 'promoted':
      return [`Deployed: ${decision.kind}. ${plainLine(decision.why)}`];
    default:
      return [];
  }
}

const RECOMMENDATIONS: Record<Recommendation, string> = {
  'fine-tune': 'FINE-TUNE',
  'do-not-fine-tune': 'DO NOT FINE-TUNE',
  inconclusive: 'INCONCLUSIVE',
};

function contendedRow(
  { id, validation, costPer1kUsd, p50Ms, p95Ms }: ContenderResult,
  winner: string | null,
  otherwise: string,
  trainingSeconds: number | null,
): string[] {
  return [
    `${id === winner ? '* ' : '  '}${plainLine(id)}`,
    validation ? percentText(validation.score) : otherwise,
    '',
    orDash(costPer1kUsd, usdText),
    orDash(p50Ms, millisecondsText),
    orDash(p95Ms, millisecondsText),
    orDash(trainingSeconds, durationText),
  ];
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

/** The shortest form of a path from here. */
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
