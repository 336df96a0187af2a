import { durationText, escapeMarkdown, millisecondsText, percentText, savingText, usdText } from './format.ts';
import type { CandidateResult, Judged, RunResult } from './run-result.ts';
import { verdictOf } from './summarize-run.ts';

const DASH = '–';
const orDash = <T>(value: T | null, text: (value: T) => string) => (value === null ? DASH : text(value));

/** The report of a run as Markdown. Text from outside is escaped. */
export function markdownReport(result: RunResult): string {
  const { dataset, baseline, test, winnerJudged } = result;
  const cost = result.savingPercent === null ? 'costs cannot be compared' : savingText(result.savingPercent);
  const lines = [
    `# ${escapeMarkdown(result.pipeline)}: ${escapeMarkdown(result.runId)}`,
    `**${escapeMarkdown(verdictOf(result))}**`,
    '## Before and after',
    table(
      ['', 'model', result.metric, 'USD per 1,000 requests', 'p50', 'p95'],
      [
        [`baseline (${baseline.kind}, whole prompt)`, ...judgedCells(baseline)],
        ...(winnerJudged ? [['winner (inputs only)', ...judgedCells(winnerJudged)]] : []),
      ],
    ),
    test && test.winner !== null && test.baseline !== null
      ? `Quality ${signed((test.winner - test.baseline) * 100)} points, ${cost}.`
      : `Cost: ${cost}.`,
    `## Candidates, on ${dataset.validation} validation rows`,
    table(
      [
        'candidate',
        'status',
        `validation ${result.metric}`,
        'USD per 1,000',
        'p50',
        'p95',
        'training',
        'training USD',
        '',
      ],
      result.candidates.map((candidate) => candidateRow(candidate, result.winner)),
    ),
    '## Data',
    `Dataset version \`${dataset.version}\`: ${dataset.train} examples to train on, ${dataset.validation} to choose the ` +
      `winner, ${dataset.test} to judge it; ${dataset.dropped} rows dropped.`,
    `${escapeMarkdown(result.estimate)}. Spent: ${usdText(result.spentUsd)}.`,
    ...(result.notes.length > 0
      ? ['## Notes', result.notes.map((note) => `* ${escapeMarkdown(note)}`).join('\n')]
      : []),
  ];
  return `${lines.join('\n\n')}\n`;
}

function judgedCells({ model, score, n, costPer1kUsd, p50Ms, p95Ms }: Judged): string[] {
  return [
    escapeMarkdown(model ?? 'unknown'),
    score === null ? DASH : `${percentText(score)} (n = ${n})`,
    orDash(costPer1kUsd, usdText),
    orDash(p50Ms, millisecondsText),
    orDash(p95Ms, millisecondsText),
  ];
}

function candidateRow(candidate: CandidateResult, winner: string | null): string[] {
  return [
    candidate.id === winner ? `**${escapeMarkdown(candidate.id)}**` : escapeMarkdown(candidate.id),
    candidate.status,
    candidate.validation ? percentText(candidate.validation.score) : DASH,
    orDash(candidate.costPer1kUsd, usdText),
    orDash(candidate.p50Ms, millisecondsText),
    orDash(candidate.p95Ms, millisecondsText),
    orDash(candidate.trainingSeconds, durationText),
    orDash(candidate.trainingUsd, usdText),
    candidate.id === winner ? 'winner' : escapeMarkdown(candidate.reason ?? ''),
  ];
}

function signed(points: number): string {
  const text = points.toFixed(1);
  return text === '-0.0' ? '+0.0' : `${points >= 0 ? '+' : ''}${text}`;
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
