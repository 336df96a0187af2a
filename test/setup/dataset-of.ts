import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readPipelineFile } from '../../src/config/pipeline-file.ts';
import { MANIFEST } from '../../src/contract/stored/manifest.ts';
import type { Manifest } from '../../src/core/dataset/manifest.ts';
import type { Example } from '../../src/core/dataset/row.ts';
import { TuneloopError } from '../../src/errors.ts';
import { collectLog } from '../../src/planning/collect-log.ts';
import { makeVersion } from '../../src/planning/make-version.ts';
import { connectProvider } from '../../src/providers/connect.ts';
import { openArtifacts } from '../../src/stores/open-stores.ts';
import { loadStored } from '../../src/stores/stored-objects.ts';

/** The dataset version of a pipeline's log, or the error that refuses it. */
export interface MadeDataset {
  /** `CODE: message`; empty where the version was made. */
  error: string;
  examples: Example[];
  /** Examples by answer. */
  answers: Record<string, number>;
  /** Rows by issue. */
  issues: Record<string, number>;
  warnings: string[];
  manifest: Manifest | null;
}

/** Makes the first dataset version of a pipeline file in a home folder of its own, which is removed again. */
export async function datasetOf(pipelineFile: string): Promise<MadeDataset> {
  const home = mkdtempSync(path.join(tmpdir(), 'tuneloop-dataset-'));
  try {
    const pipeline = await readPipelineFile(pipelineFile);
    const artifacts = openArtifacts(home);
    const step = {
      artifacts,
      home,
      connectProvider: (choice: Parameters<typeof connectProvider>[0]) =>
        connectProvider(choice, 'http://127.0.0.1:1/v1'),
      signal: new AbortController().signal,
      onProgress: () => {},
    };
    const dataset = await makeVersion(pipeline, await collectLog(pipeline, step), step, async (work) => {
      const scratch = path.join(home, 'scratch');
      mkdirSync(scratch);
      return work(scratch);
    });
    const manifest = await loadStored(MANIFEST, artifacts, dataset.manifest);
    const examples: Example[] = [];
    for (const ref of Object.values(manifest.examples)) {
      for await (const line of artifacts.rows(ref)) examples.push(JSON.parse(line));
    }
    return {
      error: '',
      examples,
      answers: countOf(examples.map(({ completion }) => completion)),
      issues: Object.fromEntries(manifest.verdicts.map(({ verdict, rows }) => [verdict, rows])),
      warnings: manifest.warnings,
      manifest,
    };
  } catch (error) {
    if (!(error instanceof TuneloopError)) throw error;
    const message = `${error.code}: ${error.message}`;
    return { error: message, examples: [], answers: {}, issues: {}, warnings: [], manifest: null };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function countOf(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}
