import { workerData } from 'node:worker_threads';
import { readLine } from '../../contract/stored/format.ts';
import { ACTUAL } from '../../contract/stored/rows.ts';
import type { Actual } from '../../core/dataset/row.ts';
import { readLines } from '../../stores/lines.ts';
import { type RowBatch, RowPreparation, type RowSettings } from './row-batch.ts';

/** The input of a thread. */
export interface RowThreadData {
  settings: RowSettings;
  /** Files of answers and ratings that came later, the oldest first; one {@link Actual} a line. */
  actuals: string[];
}

/** Within a thread: made once, when the first piece comes. */
let preparation: Promise<RowPreparation> | undefined;

/** Runs in a thread: prepares one piece of a snapshot. */
export async function prepareChunk(chunk: Uint8Array): Promise<RowBatch> {
  preparation ??= start(workerData as RowThreadData);
  return (await preparation).prepare(chunk);
}

/** Later answers by id; of several for one id the last one counts. */
export async function readActuals(files: readonly string[]): Promise<Map<string, Actual>> {
  const actuals = new Map<string, Actual>();
  for (const file of files) {
    for await (const line of readLines(file)) {
      const actual = readLine(ACTUAL, line.toString('utf8'), file);
      actuals.set(actual.id, { ...actuals.get(actual.id), ...actual });
    }
  }
  return actuals;
}

async function start({ settings, actuals }: RowThreadData): Promise<RowPreparation> {
  return new RowPreparation(settings, await readActuals(actuals));
}
