import type { ArtifactRef } from '../core/run/artifact-ref.ts';

/** The name of a file at a provider. It holds the hash, so equal names mean equal bytes. */
export function uploadName(role: 'train' | 'validation', { sha256 }: Pick<ArtifactRef, 'sha256'>): string {
  return `${role}-${sha256}.jsonl`;
}
