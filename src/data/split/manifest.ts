import { ISSUES, type IssueCount, type RowIssue } from '../../core/dataset/issue.ts';
import type { LabelTable, Manifest } from '../../core/dataset/manifest.ts';
import { SIDES, type Side } from '../../core/dataset/side.ts';

/** With fewer validation rows than this, a label's share of the score is mostly chance. */
const FEW_ROWS = 5;
/** With fewer examples than this, the scores of candidates differ by several points through chance alone. */
const FEW_EXAMPLES = 500;
const LABELS_NAMED = 10;

/** Counts examples by label and side. */
export class LabelCounts {
  // A map: a label may be called `constructor` or `__proto__`.
  readonly #labels = new Map<string, Record<Side, number>>();

  add(completion: string, side: Side): void {
    const label = completion.trim();
    const counts = this.#labels.get(label) ?? { train: 0, validation: 0, test: 0 };
    counts[side] += 1;
    this.#labels.set(label, counts);
  }

  all(): LabelTable {
    return Object.fromEntries(this.#labels);
  }
}

/** Rows of the log that were left out. */
export function droppedRows(issues: readonly Pick<IssueCount, 'verdict' | 'rows'>[]): number {
  return issues.reduce((sum, { verdict, rows }) => sum + (isDropping(verdict) ? rows : 0), 0);
}

function isDropping(issue: RowIssue): boolean {
  // A version may have been made by a release that named issues differently.
  const all: Partial<Record<string, { effect: string }>> = ISSUES;
  return all[issue]?.effect === 'drop';
}

/** The warnings that a person should read before trusting scores on this dataset. */
export function datasetWarnings({
  counts,
  labels,
  conflicts,
  quarantined,
}: Pick<Manifest, 'counts' | 'labels' | 'conflicts' | 'quarantined'>): string[] {
  const warnings: string[] = [];
  const named = (what: string, names: string[]) => {
    if (names.length === 0) return;
    const more = names.length > LABELS_NAMED ? ` and ${names.length - LABELS_NAMED} more` : '';
    warnings.push(`${what}: ${names.slice(0, LABELS_NAMED).join(', ')}${more}`);
  };
  const entries = Object.entries(labels ?? {});
  named(
    `labels with under ${FEW_ROWS} validation rows`,
    entries.filter(([, { validation }]) => validation < FEW_ROWS).map(([label]) => label),
  );
  named(
    'labels of test or validation rows that no training row has',
    entries.filter(([, { train, validation, test }]) => train === 0 && validation + test > 0).map(([label]) => label),
  );
  if (conflicts.groups > 0) {
    warnings.push(
      `${conflicts.groups} inputs have different labels, for example at ${conflicts.shown[0]?.places.join(', ')}`,
    );
  }
  if (quarantined > 0) {
    warnings.push(`${quarantined} rows are left out, because they resemble rows on different sides`);
  }
  const examples = SIDES.reduce((sum, side) => sum + counts[side], 0);
  if (examples < FEW_EXAMPLES) {
    warnings.push(
      `${examples} examples in all: under ${FEW_EXAMPLES}, scores differ by several points through chance alone`,
    );
  }
  return warnings;
}
