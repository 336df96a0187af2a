import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { IssueTable } from '../core/dataset/issue.ts';
import type { LabelTable, Manifest } from '../core/dataset/manifest.ts';
import { SIDES } from '../core/dataset/side.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Snapshot } from '../core/run/snapshot.ts';
import { writeJson } from '../stores/artifact-store.ts';
import { DatasetVersions } from '../stores/dataset-versions.ts';
import type { FoundRows } from './found-rows.ts';
import type { StoredVersion } from './stored-versions.ts';

export interface WithoutRowOptions {
  /** The artifact without the rows; the same one where it holds none of them. */
  replaced: (ref: ArtifactRef) => Promise<ArtifactRef>;
  /** A training file without the lines of these rows. */
  replacedFile: (file: ArtifactRef, examples: ArtifactRef) => Promise<ArtifactRef>;
  /** Logs in the home from which the rows were blanked. */
  logs: ReadonlySet<string>;
}

/**
 * Makes the next dataset version of each pipeline whose latest one holds a row: the same without it. The next run continues from it, with
 * the sides of all other rows, and without reading the log anew.
 *
 * @returns their names, such as `shop@3`
 */
export async function appendVersionsWithoutRow(found: FoundRows, options: WithoutRowOptions): Promise<string[]> {
  const { home, artifacts, versions } = found.index;
  const names: string[] = [];
  for (const latest of new Map(versions.map((version) => [version.pipeline, version])).values()) {
    const { pipeline, number } = latest;
    const manifest = await manifestWithoutRow(found, latest, options);
    if (!manifest) continue;
    const version = await new DatasetVersions(home).append(pipeline, number, await writeJson(artifacts, manifest));
    names.push(`${pipeline}@${version.number}`);
  }
  return names;
}

/** Null where a version holds no such row. */
async function manifestWithoutRow(
  found: FoundRows,
  latest: StoredVersion,
  options: WithoutRowOptions,
): Promise<Manifest | null> {
  const { manifest, number, manifestHash } = latest;
  const { replaced, replacedFile } = options;
  const snapshot = latest.snapshot && (await snapshotWithoutRow(found, latest.snapshot, options));
  const [train, validation, test] = await Promise.all(SIDES.map((side) => replaced(manifest.examples[side])));
  if (!train || !validation || !test) throw new Error('a dataset version has three sides');
  const examples = { train, validation, test };
  const hasExamples = SIDES.some((side) => examples[side].sha256 !== manifest.examples[side].sha256);
  if (!snapshot && !hasExamples) return null;
  const snapshotRef = snapshot ? await writeJson(found.index.artifacts, snapshot) : manifest.snapshot;
  const files: Manifest['files'] = [];
  for (const { treatment, ...file } of manifest.files) {
    files.push({
      treatment,
      train: await replacedFile(file.train, manifest.examples.train),
      validation: await replacedFile(file.validation, manifest.examples.validation),
    });
  }
  return {
    ...manifest,
    // Different from that of any run, so that the next run builds its version anew.
    inputs: hash('sha256', JSON.stringify([manifest.inputs, 'without', manifestHash, snapshotRef.sha256]), 'hex'),
    parent: { number, sha256: manifestHash },
    snapshot: snapshotRef,
    source: { ...manifest.source, rows: snapshot?.rows ?? manifest.source.rows },
    counts: { train: examples.train.rows, validation: examples.validation.rows, test: examples.test.rows },
    labels: manifest.labels && labelsWithoutRow(found, manifest.labels, manifest),
    verdicts: snapshot ? issuesWith(manifest.verdicts, erasedIn(found, latest.snapshot)) : manifest.verdicts,
    examples,
    keys: await replaced(manifest.keys),
    ledger: await replaced(manifest.ledger),
    files,
  };
}

/** Null where the snapshot holds no such row. */
async function snapshotWithoutRow(
  found: FoundRows,
  snapshot: Snapshot,
  { replaced, logs }: WithoutRowOptions,
): Promise<Snapshot | null> {
  const segments = await Promise.all(snapshot.segments.map(replaced));
  const actuals = await Promise.all(snapshot.actuals.map(replaced));
  const refs = (lists: ArtifactRef[][]) => lists.flat().map(({ sha256 }) => sha256);
  if (refs([segments, actuals]).join() === refs([snapshot.segments, snapshot.actuals]).join()) return null;
  const rowsOf = (list: readonly ArtifactRef[]) => list.reduce((sum, { rows }) => sum + rows, 0);
  return {
    ...snapshot,
    rows: snapshot.rows - rowsOf(snapshot.segments) + rowsOf(segments),
    segments: segments.filter(({ rows }) => rows > 0),
    actuals: actuals.filter(({ rows }) => rows > 0),
    verdicts: issuesWith(snapshot.verdicts, erasedIn(found, snapshot)),
    cursor: await cursorAfterBlanking(snapshot.cursor, logs),
  };
}

function erasedIn({ segmentRows }: FoundRows, snapshot: Snapshot | null): { line: number; file?: string }[] {
  return (snapshot?.segments ?? []).flatMap(({ sha256 }) => segmentRows.get(sha256) ?? []);
}

function issuesWith(before: Manifest['verdicts'], erased: readonly { line: number; file?: string }[]) {
  const table = new IssueTable(before);
  for (const place of erased) table.add('erased', place);
  return table.all();
}

function labelsWithoutRow(found: FoundRows, labels: LabelTable, { examples }: Manifest): LabelTable {
  const counts = structuredClone(labels);
  for (const side of SIDES) {
    for (const { completion } of found.examples.get(examples[side].sha256) ?? []) {
      const label = counts[completion.trim()];
      if (label) label[side] -= 1;
    }
  }
  return Object.fromEntries(Object.entries(counts).filter(([, sides]) => SIDES.some((side) => sides[side] > 0)));
}

const fileRead = z.looseObject({ bytes: z.int(), sha256: z.string() });
const filesCursor = z.looseObject({ type: z.literal('files'), files: z.record(z.string(), fileRead) });
const sourceCursor = z.looseObject({ type: z.string(), rows: z.unknown(), actuals: z.unknown() });

/** Otherwise the next run would take a log from which a row was blanked for another one, and forget rows of rotated files. */
async function cursorAfterBlanking(cursor: Snapshot['cursor'], logs: ReadonlySet<string>): Promise<Snapshot['cursor']> {
  const parsed = sourceCursor.safeParse(cursor).data;
  if (!parsed) return cursor;
  return {
    ...parsed,
    rows: await withNewHashes(parsed.rows, logs),
    actuals: await withNewHashes(parsed.actuals, logs),
  };
}

async function withNewHashes(cursor: unknown, logs: ReadonlySet<string>): Promise<unknown> {
  const parsed = filesCursor.safeParse(cursor).data;
  if (!parsed) return cursor;
  const files: typeof parsed.files = {};
  for (const [file, read] of Object.entries(parsed.files)) {
    // A packed file has other bytes now, and is read anew.
    const isSame = !logs.has(path.resolve(file)) || file.endsWith('.gz') || read.bytes === 0;
    files[file] = isSame ? read : { ...read, sha256: await hashOfBeginning(file, read.bytes) };
  }
  return { ...parsed, files };
}

async function hashOfBeginning(file: string, bytes: number): Promise<string> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(file, { end: bytes - 1 })) sum.update(chunk);
  return sum.digest('hex');
}
