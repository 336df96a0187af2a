import { MANIFEST } from '../contract/stored/manifest.ts';
import { SNAPSHOT } from '../contract/stored/snapshot.ts';
import { ISSUES, IssueTable, type RowIssue, STOPPING_ISSUES } from '../core/dataset/issue.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { originalProvider, type Pipeline } from '../core/run/pipeline.ts';
import type { Snapshot, SnapshotRef } from '../core/run/snapshot.ts';
import { TuneloopError } from '../errors.ts';
import { refusalText } from '../sources/log-row.ts';
import { openSource } from '../sources/open-source.ts';
import type { SourceItem } from '../sources/source.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { DatasetVersions } from '../stores/dataset-versions.ts';
import { ErasedRows } from '../stores/erased-rows.ts';
import { loadStored, saveStored } from '../stores/stored-objects.ts';
import type { PlanningStep } from './planning-step.ts';

const REPORTED_ROWS = 5000;

/**
 * Streams the new rows of the log since the latest dataset version into a segment, so that the run does not change when the log grows, and
 * a log that was read once may be rotated away.
 */
export async function collectLog(
  pipeline: Pipeline,
  { artifacts, home, connectProvider, signal, onProgress }: PlanningStep,
): Promise<SnapshotRef> {
  const source = openSource(pipeline.source, { provider: () => connectProvider(originalProvider(pipeline)) });
  const latest = await new DatasetVersions(home).latest(pipeline.name);
  const parent = latest ? await loadStored(MANIFEST, artifacts, latest.manifest) : null;
  const before = parent ? await loadStored(SNAPSHOT, artifacts, parent.snapshot) : null;

  const reading = await source.read(before?.cursor ?? null, signal);
  const kept = reading.anew ? null : before;
  const issues = new IssueTable(kept?.verdicts);
  const segment = await store(artifacts, withoutErased(reading.items, await ErasedRows.read(home), issues), {
    issues,
    strict: pipeline.clean.rows === 'strict',
    onRows: (rows) => onProgress('read the log', rows, null),
  });
  const snapshot: Snapshot = {
    names: await source.describe(),
    rows: (kept?.rows ?? 0) + segment.rows.rows,
    segments: [...(kept?.segments ?? []), ...filled(segment.rows)],
    actuals: [...(kept?.actuals ?? []), ...filled(segment.actuals)],
    verdicts: issues.all(),
    cursor: reading.cursor(),
  };
  if (snapshot.rows === 0) throw nothingToRead(snapshot);
  return { ref: await saveStored(SNAPSHOT, artifacts, snapshot), rows: snapshot.rows, newRows: segment.rows.rows };
}

/** Rows to one artifact, later answers to another. */
async function store(
  artifacts: ArtifactStore,
  items: AsyncIterable<SourceItem>,
  { issues, strict, onRows }: { issues: IssueTable; strict: boolean; onRows: (rows: number) => void },
): Promise<{ rows: ArtifactRef; actuals: ArtifactRef }> {
  const rows = await artifacts.open();
  const actuals = await artifacts.open();
  let count = 0;
  try {
    for await (const item of items) {
      count += 1;
      if (count % REPORTED_ROWS === 0) onRows(count);
      const found = item.kind === 'refused' ? [item.issue] : item.issues;
      const place = item.kind === 'row' ? item.row : item.kind === 'refused' ? item.place : null;
      for (const issue of found) {
        if (place === null) continue;
        const detail = detailOf(item, issue);
        if (strict || STOPPING_ISSUES.has(issue)) {
          throw new TuneloopError('SOURCE_ROW_INVALID', refusalText(issue, place, detail));
        }
        issues.add(issue, place, detail);
      }
      if (item.kind === 'refused') continue;
      const pending =
        item.kind === 'row' ? rows.add(JSON.stringify(item.row)) : actuals.add(JSON.stringify(item.actual));
      if (pending) await pending;
    }
    return { rows: await rows.commit(), actuals: await actuals.commit() };
  } finally {
    await rows.discard();
    await actuals.discard();
  }
}

/** A row that was erased may still stand in its log: it is counted and left out, with its later answers. */
async function* withoutErased(
  items: AsyncIterable<SourceItem>,
  erased: ErasedRows,
  issues: IssueTable,
): AsyncGenerator<SourceItem> {
  for await (const item of items) {
    if (item.kind === 'row' && erased.has(item.row)) issues.add('erased', item.row);
    else if (item.kind !== 'actual' || !erased.hasAnswersOf(item.actual.id)) yield item;
  }
}

function detailOf(item: SourceItem, issue: RowIssue): string | undefined {
  return item.kind === 'refused' ? item.detail : item.details?.[issue];
}

function filled(ref: ArtifactRef): ArtifactRef[] {
  return ref.rows > 0 ? [ref] : [];
}

function nothingToRead({ names, verdicts }: Snapshot): TuneloopError {
  const reasons = verdicts.map(
    ({ verdict, rows, places, example }) =>
      `${rows} x ${ISSUES[verdict].what} (${places[0]}${example === undefined ? '' : `: ${example}`})`,
  );
  return new TuneloopError(
    'SOURCE_EMPTY',
    `${names.join(', ')} holds no row that can be used: ${reasons.length > 0 ? reasons.join('; ') : 'log some prompt/completion pairs first'}`,
  );
}
