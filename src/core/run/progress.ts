import { escapeMarkdown, percentText, usdText } from '../text/format.ts';
import { belongsToCandidate, type CandidateProgress, type RunProgress, STAGES } from './run-progress.ts';

/** The Markdown that the Web UI shows as the current details of a run. */
export function renderProgress(progress: RunProgress): string {
  const step = STAGES.indexOf(progress.stage) + 1;
  const ended = progress.candidates.filter(({ stage }) => stage !== 'waiting' && stage !== 'training').length;
  // "2 of 4" and not "2/4", which the Web UI turns into a fraction sign.
  const lines = [`**Stage ${step} of ${STAGES.length}: ${progress.stage}**`];
  if (progress.paused) {
    const { code, message } = progress.paused;
    lines.push(`**Paused: ${code}.** ${escapeMarkdown(message)}. Mend that, then go on with \`tuneloop resume\`.`);
  }
  if (progress.verdict) lines.push(progress.verdict);
  if (progress.dataset) lines.push(progress.dataset);
  if (progress.estimate) lines.push(progress.estimate);
  if (progress.candidates.length > 0) {
    lines.push(
      `${ended} of ${progress.candidates.length} jobs ended`,
      [
        '| candidate | status | validation | USD per 1,000 | p95 ms | |',
        '|---|---|---:|---:|---:|---|',
        ...progress.candidates.map((candidate) => candidateRow(candidate, progress.winner)),
      ].join('\n'),
    );
  }
  return lines.join('\n\n');
}

function candidateRow(
  { id, stage, score, costPer1kUsd, p95Ms, note }: CandidateProgress,
  winner: string | null,
): string {
  const cells = [
    escapeMarkdown(id),
    stage,
    score === null ? '' : percentText(score),
    costPer1kUsd === null ? '' : usdText(costPer1kUsd),
    p95Ms === null ? '' : p95Ms.toFixed(1),
    winner !== null && belongsToCandidate(winner, id) ? '**winner**' : escapeMarkdown(note ?? ''),
  ];
  // The Web UI leaves no space between the columns of a table, and shows `&nbsp;` as it is written.
  return `| ${cells.join('\u00a0\u00a0 | ')} |`;
}
