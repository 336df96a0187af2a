import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import { leastQuality } from '../../core/run/source-choice.ts';

/** SHA-256 of everything that determines a dataset version, except the earlier sides of rows. */
export async function inputsOf(pipeline: Pipeline, snapshot: ArtifactRef): Promise<string> {
  const { task, clean, split, candidates, source } = pipeline;
  const testFile = testFileOf(pipeline);
  const parts = [
    snapshot.sha256,
    task,
    clean,
    split,
    treatmentsOf({ candidates }),
    leastQuality(source),
    testFile === null ? null : await hashOf(testFile),
    ...(pipeline.labels || pipeline.multi_label || pipeline.target
      ? [pipeline.labels ?? null, pipeline.multi_label ?? false, pipeline.target ?? null]
      : []),
  ];
  return hash('sha256', JSON.stringify(parts), 'hex');
}

/** The file of test rows; null where the test rows are a share of the log. */
export function testFileOf({ split: { test } }: Pick<Pipeline, 'split'>): string | null {
  return typeof test === 'number' ? null : test.file;
}

/** The treatments of the candidates, each once. */
export function treatmentsOf({ candidates: { treatment } }: Pick<Pipeline, 'candidates'>): Treatment[] {
  return [...new Set(Array.isArray(treatment) ? treatment : [treatment])];
}

async function hashOf(file: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(file)) sum.update(chunk);
  return sum.digest('hex');
}
