import type { ArtifactRef } from '../storage/artifact-store.ts';
import type { Conflict, Drop } from './cleaning.ts';
import type { Split } from './split.ts';

/** What a dataset version consists of and how it came about. */
export interface Manifest {
  pipeline: string;
  source: { files: string[]; rows: number; sha256: string };
  template: { sha256: string; versions: number };
  split: { seed: number; validation: number; test: number | 'file' };
  counts: Record<keyof Split, number>;
  /** Examples by label and side; null for generation, where completions are not labels. */
  labels: Record<string, Record<keyof Split, number>> | null;
  dropped: Drop[];
  conflicts: Conflict[];
  warnings: string[];
  examples: Record<keyof Split, ArtifactRef>;
  files: { train: ArtifactRef; validation: ArtifactRef };
}

/** Under this many validation rows a label's share of the score is mostly chance. */
const FEW_ROWS = 5;
const LABELS_NAMED = 10;

export function countLabels(split: Split): NonNullable<Manifest['labels']> {
  // A map first: a label may be called `constructor` or `__proto__`.
  const labels = new Map<string, Record<keyof Split, number>>();
  for (const side of ['train', 'validation', 'test'] as const) {
    for (const { completion } of split[side]) {
      const label = completion.trim();
      const counts = labels.get(label) ?? { train: 0, validation: 0, test: 0 };
      counts[side] += 1;
      labels.set(label, counts);
    }
  }
  return Object.fromEntries(labels);
}

/** What a person should know before they trust scores on this dataset. */
export function datasetWarnings(labels: Manifest['labels'], conflicts: readonly Pick<Conflict, 'lines'>[]): string[] {
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
  if (conflicts.length > 0) {
    warnings.push(
      `${conflicts.length} inputs have different answers, for example on lines ${conflicts[0]?.lines.join(', ')}`,
    );
  }
  return warnings;
}
