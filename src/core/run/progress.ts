import { escapeMarkdown, percentText, usdText } from '../text/format.ts';

export const STAGES = [
  'collect',
  'prepare',
  'plan',
  'upload',
  'train',
  'evaluate',
  'select',
  'test',
  'report',
  'propose',
  'done',
] as const;
export type Stage = (typeof STAGES)[number];

export type CandidateStage =
  | 'waiting'
  | 'training'
  | 'trained'
  | 'evaluating'
  | 'evaluated'
  /** It was behind, and its job was cancelled early. */
  | 'stopped'
  | 'failed'
  | 'cancelled'
  | 'skipped';

/** Why a run waits for a person. */
export interface PauseReason {
  code: string;
  message: string;
}

/** What a run shows of itself while it goes on; small, because it is sent with every look at it. */
export interface RunProgress {
  stage: Stage;
  /** Null while the run goes on. */
  paused: PauseReason | null;
  /** One line about the dataset, once there is one. */
  dataset: string | null;
  estimate: string | null;
  candidates: CandidateProgress[];
  winner: string | null;
  verdict: string | null;
}

export interface CandidateProgress {
  id: string;
  stage: CandidateStage;
  score: number | null;
  costPer1kUsd: number | null;
  p95Ms: number | null;
  note: string | null;
}

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
    winner !== null && isOf(winner, id) ? '**winner**' : escapeMarkdown(note ?? ''),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Whether a winner is this candidate, or a checkpoint of it. */
export function isOf(winner: string, candidate: string): boolean {
  return winner === candidate || winner.startsWith(`${candidate}@`);
}
