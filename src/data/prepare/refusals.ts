import { ISSUES, type IssueCount, type IssueTable } from '../../core/dataset/issue.ts';
import type { Manifest } from '../../core/dataset/manifest.ts';
import type { Side } from '../../core/dataset/side.ts';
import { TuneloopError } from '../../errors.ts';
import type { ProviderLimits } from '../../providers/profile.ts';
import { refusalText } from '../../sources/log-row.ts';
import { notLabels } from '../rows/label-survey.ts';
import type { JudgedLabels } from './judged-labels.ts';
import type { PreparedRows } from './prepared-rows.ts';

/** At most this share of the rows may not fit the template; with more, the template is not understood. */
const MISMATCH_LIMIT = 0.2;

/** The name of a log in a message, and its number of rows. */
interface LogSize {
  names: readonly string[];
  rows: number;
}

/** @throws TuneloopError INSTRUCTIONS_NOT_FOUND where too many rows do not fit the template. */
export function refuseMismatch(issues: IssueTable, { rows, names }: LogSize): void {
  const found = issues.all().filter(({ verdict }) => verdict === 'prompt-mismatch');
  const mismatched = found.reduce((sum, count) => sum + count.rows, 0);
  if (mismatched <= rows * MISMATCH_LIMIT) return;
  const reasons = found.map(
    (count) => `${count.rows} rows: ${ISSUES[count.verdict].what} (${count.places.slice(0, 5).join(', ')})`,
  );
  throw new TuneloopError(
    'INSTRUCTIONS_NOT_FOUND',
    `${mismatched} of ${rows} rows in ${names.join(', ')} do not follow the prompts that most rows share: ${reasons.join('; ')}. ` +
      '`tuneloop inspect` shows them. Give each prompt a log and a pipeline of its own, or name the prompts in clean.instructions',
  );
}

/** @throws TuneloopError SOURCE_ROW_INVALID for the first of these, where there is one. */
export function refuseIssues([first]: readonly IssueCount[]): void {
  if (!first) return;
  throw new TuneloopError('SOURCE_ROW_INVALID', refusalText(first.verdict, first.places.join(', ')));
}

/** @throws TuneloopError ANSWERS_NOT_LABELS where the answers of a classification are no labels, or are all the same. */
export function refuseNoLabels(
  { count, heldOut }: PreparedRows,
  { indices, names }: JudgedLabels,
  multiLabel: boolean,
): void {
  const counts = new Map<string, number>();
  for (let row = heldOut; row < count; row += 1) {
    const label = names[indices[row] ?? 0] ?? '';
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const reason = notLabels(counts, multiLabel);
  if (reason !== undefined) throw new TuneloopError('ANSWERS_NOT_LABELS', reason);
}

/** @throws TuneloopError TOO_FEW_EXAMPLES where training and validation have too few rows. */
export function refuseTooFew(
  { train, validation }: Record<Side, number>,
  { rows, names }: LogSize,
  { fewestExamples }: ProviderLimits,
  issues: readonly IssueCount[],
): void {
  if (train >= fewestExamples && validation > 0) return;
  const reasons = issues
    .filter(({ verdict }) => ISSUES[verdict].effect === 'drop')
    .map(({ verdict, rows: count }) => `${count} x ${verdict} (${ISSUES[verdict].what})`);
  throw new TuneloopError(
    'TOO_FEW_EXAMPLES',
    `${train} examples to train on and ${validation} to validate are left of ${rows} rows in ` +
      `${names.join(', ')}: at least ${fewestExamples} and 1 are needed. ${reasons.length > 0 ? `Rows were left out: ${reasons.join('; ')}. ` : ''}` +
      'Collect more rows, or lower split.validation and split.test',
  );
}

/** @throws TuneloopError FILE_TOO_LARGE where providers would not take a training file. */
export function refuseTooLarge(files: Manifest['files'], { largestFileBytes }: ProviderLimits): void {
  for (const { treatment, train, validation } of files) {
    for (const { bytes, rows } of [train, validation]) {
      if (bytes <= largestFileBytes) continue;
      throw new TuneloopError(
        'FILE_TOO_LARGE',
        `a training file (treatment ${treatment}) of ${rows} rows has ${bytes} bytes, and ${largestFileBytes} are the most that is taken: ` +
          'take fewer rows with source.filter, or treatment strip',
      );
    }
  }
}
