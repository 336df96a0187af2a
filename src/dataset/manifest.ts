import type { ArtifactRef } from '../storage/artifact-store.ts';
import type { Conflict, Drop } from './cleaning.ts';
import { type ContentHash, hashJson } from './examples.ts';
import type { Message } from './row.ts';
import type { Split } from './split.ts';
import type { PromptTemplate } from './template.ts';

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

/** What a dataset version is built from. */
export interface ManifestParts {
  template: PromptTemplate;
  counts: Record<keyof Split, number>;
  /** See {@link countLabels}; null for generation. */
  labels: Manifest['labels'];
  dropped: readonly Drop[];
  conflicts: readonly Conflict[];
  /** Rows that were taken out because they occur among the rows that judge. */
  leaked: number;
  seed: number | string;
  /** Of the examples of each side, as stored. */
  hashes: Record<keyof Split, ContentHash>;
}

/** A dataset version as plain JSON. */
export interface DatasetManifest extends Omit<ManifestParts, 'template' | 'hashes'> {
  /** 16 hex digits that follow from all the parts. */
  version: string;
  /** Each version of the prompt, with the prompts that follow it and the characters that are cut off each of them. */
  template: { versions: { rows: number; leadMessages: number; characters: number }[] };
  references: Record<keyof Split, ContentHash>;
  warnings: string[];
}

/** Describes a dataset version. The same parts give the same manifest, whatever the order of their keys. */
export function buildManifest(parts: ManifestParts): DatasetManifest {
  const { template, hashes, ...described } = parts;
  const sizes = template.versions.map(({ lead, prefix, suffix, tail = [], rows }) => ({
    rows,
    leadMessages: lead.length,
    characters: charactersOf(lead) + prefix.length + suffix.length + charactersOf(tail),
  }));
  return {
    version: hashJson(parts).slice(0, 16),
    ...described,
    template: { versions: sizes },
    references: hashes,
    // Different answers to one input are a fault where they are labels, and references where they are free text.
    warnings: [
      ...datasetWarnings(parts.labels, parts.labels ? parts.conflicts : []),
      ...unjudgedLabels(parts.labels, parts.counts),
    ],
  };
}

function charactersOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + content.length, 0);
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
    if (names.length > 0) warnings.push(naming(what, names));
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

function unjudgedLabels(labels: Manifest['labels'], { validation, test }: ManifestParts['counts']): string[] {
  if (validation + test === 0) return [];
  const names = Object.entries(labels ?? {})
    .filter(([, counts]) => counts.train > 0 && counts.validation + counts.test === 0)
    .map(([label]) => label);
  return names.length > 0 ? [naming('labels that are trained on but never judged', names)] : [];
}

function naming(what: string, names: readonly string[]): string {
  const more = names.length > LABELS_NAMED ? ` and ${names.length - LABELS_NAMED} more` : '';
  return `${what}: ${names.slice(0, LABELS_NAMED).join(', ')}${more}`;
}
