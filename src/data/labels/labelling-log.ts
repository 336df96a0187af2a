import { stat } from 'node:fs/promises';
import { LOG_ROW } from '../../contract/stored/rows.ts';
import type { Actual, LogRow } from '../../core/dataset/row.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { SourceChoice } from '../../core/run/source-choice.ts';
import type { Provider } from '../../providers/provider.ts';
import { openSource } from '../../sources/open-source.ts';
import type { Source } from '../../sources/source.ts';
import type { ArtifactStore } from '../../stores/artifact-store.ts';
import { loadLines } from '../../stores/stored-objects.ts';

/** The source of a pipeline, without its file of later answers if that does not exist yet. */
export async function openLog(choice: SourceChoice, provider: () => Provider): Promise<Source> {
  const { actuals } = choice;
  const missing = actuals !== undefined && !(await exists(actuals));
  return openSource(missing ? { ...choice, actuals: undefined } : choice, { provider });
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** A row with the answers and ratings that came later, the oldest first. */
export interface AnsweredRow {
  row: LogRow;
  later: readonly Actual[];
}

/** Rows of a log on disk, with all later answers in memory. */
export interface LabellingLog {
  rows: ArtifactRef;
  later: ReadonlyMap<string, readonly Actual[]>;
}

/**
 * Reads the whole source, once.
 *
 * @param keep which rows are stored; it sees each row before the row's later answers are known.
 */
export async function readLog(
  source: Source,
  artifacts: ArtifactStore,
  keep: (row: LogRow) => boolean,
  { signal, onRow = () => {} }: { signal: AbortSignal; onRow?: (rows: number) => void },
): Promise<LabellingLog> {
  const later = new Map<string, Actual[]>();
  const writer = await artifacts.open();
  let count = 0;
  try {
    const { items } = await source.read(null, signal);
    for await (const item of items) {
      signal.throwIfAborted();
      if (item.kind === 'row') {
        count += 1;
        onRow(count);
      }
      if (item.kind === 'actual') {
        const known = later.get(item.actual.id);
        if (known) known.push(item.actual);
        else later.set(item.actual.id, [item.actual]);
      } else if (item.kind === 'row' && keep(item.row)) {
        const pending = writer.add(JSON.stringify(item.row));
        if (pending) await pending;
      }
    }
    return { rows: await writer.commit(), later };
  } finally {
    await writer.discard();
  }
}

/** The stored rows, each id once, because two rows of one id would get the same answers. */
export async function* rowsOf(artifacts: ArtifactStore, { rows, later }: LabellingLog): AsyncIterable<AnsweredRow> {
  const seen = new Set<string>();
  for await (const row of loadLines(LOG_ROW, artifacts, rows)) {
    if (seen.has(row.id)) continue;
    seen.add(row.id);
    yield { row, later: later.get(row.id) ?? [] };
  }
}

/** A right answer, or one that counts as right. */
export interface Answer {
  text: string;
  /** Whether it was given as the right one; otherwise it is production's answer. */
  checked: boolean;
  by: string | undefined;
}

/** The answer that counts: the latest later answer, else the checked one, else production's, if nothing is wrong with it. */
export function answerOf({ row, later }: AnsweredRow): Answer | null {
  const latest = later.findLast(({ actual }) => actual !== undefined);
  const answer =
    latest?.actual !== undefined
      ? { text: latest.actual, checked: true, by: latest.by }
      : row.actual !== undefined
        ? { text: row.actual, checked: true, by: row.actualBy }
        : { text: row.flaw === undefined ? (row.completion ?? '') : '', checked: false, by: undefined };
  return answer.text.trim() === '' ? null : answer;
}
