import { Context } from '@temporalio/activity';
import { TuneloopError } from '../errors.ts';
import { findFiles, readJsonl } from '../sources/jsonl.ts';
import { parseLogRow } from '../sources/log-row.ts';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { type Dependencies, loadPipeline } from './dependencies.ts';

/** The log as it was when the run read it. */
export interface Snapshot {
  rows: ArtifactRef;
  files: string[];
}

const HEARTBEAT_ROWS = 5000;

/** Streams the production log into a snapshot, so that the run does not change when the log grows. */
export function createCollect(dependencies: Dependencies) {
  return async ({ definition }: { definition: ArtifactRef }): Promise<Snapshot> => {
    const { source } = await loadPipeline(dependencies, definition);
    const files = await findFiles(source.path);
    const rows = await dependencies.artifacts.write(serializedRows(files));
    if (rows.rows === 0) {
      throw new TuneloopError('SOURCE_EMPTY', `${source.path} holds no row: log some prompt/completion pairs first`);
    }
    return { rows, files };
  };
}

async function* serializedRows(files: string[]): AsyncIterable<string> {
  let count = 0;
  for await (const row of readJsonl(files, parseLogRow)) {
    count += 1;
    if (count % HEARTBEAT_ROWS === 0) {
      Context.current().heartbeat({ rows: count });
      Context.current().cancellationSignal.throwIfAborted();
    }
    yield JSON.stringify(row);
  }
}
