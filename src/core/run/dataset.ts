import type { Manifest } from '../dataset/manifest.ts';
import type { Side } from '../dataset/side.ts';
import type { ArtifactRef } from './artifact-ref.ts';
import type { DatasetSummary } from './run-result.ts';

/** A dataset version, as references and figures. */
export interface Dataset {
  summary: DatasetSummary;
  manifest: ArtifactRef;
  template: ArtifactRef;
  examples: Record<Side, ArtifactRef>;
  /** The files to upload: chat JSONL, for each treatment of the candidates. */
  files: Manifest['files'];
  tokens: Manifest['tokens'];
  warnings: string[];
  /** One line for people. */
  text: string;
}
