import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Pipeline } from '../../config/pipeline.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import { ISSUES, type IssueCount, type RowIssue } from '../rows/issue.ts';
import { SIDES, type Side } from './sides.ts';

/**
 * What a dataset version consists of and how it came about. Plain JSON that holds no time of its own: the same rows and
 * settings on the same parent give the same manifest, and its hash names the version.
 */
export interface Manifest {
  pipeline: string;
  /** SHA-256 of all that it was built from. Where it is the parent's, there is nothing to build. */
  inputs: string;
  /** The version before it, whose rows stay on their sides. */
  parent: { number: number; sha256: string } | null;
  source: {
    names: string[];
    rows: number;
    /** SHA-256 of how the pipeline describes its source. */
    choice: string;
  };
  /** The log as it was read, and how far. */
  snapshot: ArtifactRef;
  template: { ref: ArtifactRef; versions: number };
  clean: Pipeline['clean'];
  split: Omit<Pipeline['split'], 'test'> & { test: number | 'file' };
  /** How the salt follows from the seed, and its hash. Under another salt sides are assigned anew. */
  salt: { version: number; sha256: string };
  counts: Record<Side, number>;
  /** Groups that stay on one side, and how many of them hold inputs that are alike but not equal. */
  groups: { all: number; nearDuplicates: number };
  labels: LabelTable | null;
  /** Issues of rows, under the key that stored manifests have. */
  verdicts: IssueCount[];
  /** Values that were replaced, by type. */
  redactions: Record<string, number>;
  conflicts: Conflicts;
  /** Rows left out because they would tie together rows on different sides. */
  quarantined: number;
  warnings: string[];
  examples: Record<Side, ArtifactRef>;
  /** What is uploaded. */
  files: { treatment: Treatment; train: ArtifactRef; validation: ArtifactRef }[];
  /** A line of `keyLine` for each example. */
  keys: ArtifactRef;
  /** Lines of a `SideLedger`. */
  ledger: ArtifactRef;
  /** Estimates: of a training file once through, and means of a request, of its answer, and of the original prompt. */
  tokens: {
    treated: Partial<Record<Treatment, { train: number; request: number }>>;
    completion: number;
    prompt: number;
  };
}

/** Examples by label and side. It is null for generation, where completions are not labels. */
export type LabelTable = Record<string, Record<Side, number>>;

/** Equal and nearly equal inputs with different labels: kept, because nobody but the user knows which one is right. */
export interface Conflicts {
  groups: number;
  /** The first of them. */
  shown: Conflict[];
}

export interface Conflict {
  /** The first few different labels. */
  completions: string[];
  /** The first few places, as `file:line`. */
  places: string[];
}

/** Under this many validation rows a label's share of the score is mostly chance. */
const FEW_ROWS = 5;
/** Under this many examples the scores of candidates differ by several points through chance alone. */
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

/** What a person should know before they trust scores on this dataset. */
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
    'labels that are judged but never trained on',
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
