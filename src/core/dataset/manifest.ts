import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { ArtifactRef } from '../run/artifact-ref.ts';
import type { Pipeline } from '../run/pipeline.ts';
import type { IssueCount } from './issue.ts';
import type { Side } from './side.ts';

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
