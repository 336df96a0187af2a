/**
 * From a log of a million rows to a dataset version: the activities `collect` and `prepare` as a worker runs them, in a
 * process of their own whose memory is measured; how well near duplicates are grouped; and the same grouping beside
 * Python's datasketch, on fewer rows.
 *
 *     node bench/data.ts [--rows 1000000] [--compared 100000] [--seed 1]
 *
 * Ends with 1 if a limit is missed. The last line is JSON.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createActivities } from '../src/activities/create-activities.ts';
import { pipelineSchema } from '../src/config/pipeline.ts';
import { readPrices } from '../src/config/prices.ts';
import { MANIFEST } from '../src/contract/stored/manifest.ts';
import { SNAPSHOT } from '../src/contract/stored/snapshot.ts';
import type { Dataset } from '../src/core/run/dataset.ts';
import type { SnapshotRef } from '../src/core/run/snapshot.ts';
import { prepareRows } from '../src/data/prepare/prepared-rows.ts';
import { findTemplate } from '../src/data/prepare/template-search.ts';
import { LOCAL } from '../src/providers/profiles/local.ts';
import { writeJson } from '../src/stores/artifact-store.ts';
import { DatasetVersions } from '../src/stores/dataset-versions.ts';
import { FileStore } from '../src/stores/file-store.ts';
import { loadStored } from '../src/stores/stored-objects.ts';
import { dataRows } from './data-rows.ts';
import { type GroupQuality, groupQuality } from './group-quality.ts';

const MOST_SECONDS = 180;
const MOST_MEBIBYTES = 1024;
const LEAST_RECALL = 0.95;
const LEAST_RATIO = 4;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    compared: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    /** The part of this process; set by the bench itself. */
    part: { type: 'string' },
    folder: { type: 'string' },
  },
});
const rows = { rows: Number(values.rows), seed: Number(values.seed) };

interface Prepared {
  collectSeconds: number;
  prepareSeconds: number;
  peakMebibytes: number;
  snapshot: SnapshotRef;
  summary: Dataset['summary'];
}

switch (values.part) {
  case 'generate':
    await generate(String(values.folder));
    break;
  case 'prepare':
    console.log(JSON.stringify(await prepare(String(values.folder))));
    break;
  case 'quality':
    console.log(JSON.stringify(await quality(String(values.folder))));
    break;
  default:
    process.exitCode = await compare();
}

async function compare(): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tuneloop-bench-'));
  try {
    await part('generate', folder);
    const bytes = (await stat(path.join(folder, 'log.jsonl'))).size;
    console.log(`${rows.rows} rows, ${(bytes / 2 ** 20).toFixed(0)} MiB of log`);
    const prepared = (await part('prepare', folder)) as Prepared;
    const seconds = prepared.collectSeconds + prepared.prepareSeconds;
    console.log(
      `collect ${prepared.collectSeconds.toFixed(1)} s + prepare ${prepared.prepareSeconds.toFixed(1)} s = ${seconds.toFixed(1)} s, ` +
        `${Math.round(rows.rows / seconds)} rows/s, peak ${prepared.peakMebibytes} MiB`,
    );
    const groups = (await part('quality', folder)) as GroupQuality & { leftOut: number };
    console.log(
      `near duplicates: recall ${groups.recall.toFixed(4)} of ${groups.pairs} pairs, precision ${groups.precision.toFixed(4)}; ${groups.leftOut} rows became no example`,
    );
    const script = path.join(import.meta.dirname, 'near-duplicates.ts');
    const sideBySide = await jsonOf([script, '--rows', String(values.compared), '--seed', String(values.seed)]);
    const { ratio } = sideBySide as { ratio?: number };
    console.log(ratio === undefined ? 'datasketch is not installed' : `${ratio} x the rows/s of datasketch`);
    const missed = [
      seconds > MOST_SECONDS && `${seconds} s`,
      prepared.peakMebibytes > MOST_MEBIBYTES && `${prepared.peakMebibytes} MiB`,
      groups.recall < LEAST_RECALL && `recall ${groups.recall}`,
      ratio !== undefined && ratio < LEAST_RATIO && `ratio ${ratio}`,
    ].filter(Boolean);
    if (missed.length > 0) console.log(`Limits missed: ${missed.join(', ')}`);
    console.log(
      JSON.stringify({
        rows: rows.rows,
        seconds,
        rowsPerSecond: Math.round(rows.rows / seconds),
        ...prepared,
        groups,
        sideBySide,
        missed,
      }),
    );
    return missed.length > 0 ? 1 : 0;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** In another process, so that its memory is its own. */
function part(name: string, folder: string): Promise<unknown> {
  const { rows: count, seed } = rows;
  return jsonOf([import.meta.filename, '--part', name, '--folder', folder, '--rows', `${count}`, '--seed', `${seed}`]);
}

async function jsonOf(args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return last === '' ? undefined : JSON.parse(last);
}

async function generate(folder: string): Promise<void> {
  const file = createWriteStream(path.join(folder, 'log.jsonl'));
  for (const { row } of dataRows(rows)) {
    if (!file.write(`${JSON.stringify(row)}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

function pipelineOf(folder: string) {
  return pipelineSchema.parse({
    name: 'bench',
    task: 'classification',
    source: { type: 'jsonl', path: path.join(folder, 'log.jsonl') },
    candidates: { models: ['local-nano'] },
  });
}

async function prepare(folder: string): Promise<Prepared> {
  const artifacts = new FileStore(path.join(folder, 'artifacts'));
  const activities = createActivities({
    artifacts,
    home: folder,
    prices: readPrices(undefined),
    connectProvider: () => {
      throw new Error('no provider is asked');
    },
    temporal: new Client({ connection: Connection.lazy() }),
    monthlyBudgetUsd: null,
    log: pino({ level: 'silent' }),
  });
  const definition = await writeJson(artifacts, pipelineOf(folder));
  const environment = new MockActivityEnvironment({ workflowExecution: { workflowId: 'bench/run', runId: 'run' } });
  const start = performance.now();
  const snapshot = (await environment.run(activities.collect, { definition })) as SnapshotRef;
  const collected = performance.now();
  const dataset = (await environment.run(activities.prepare, { definition, snapshot })) as Dataset;
  const end = performance.now();
  return {
    collectSeconds: (collected - start) / 1000,
    prepareSeconds: (end - collected) / 1000,
    peakMebibytes: Math.round(process.resourceUsage().maxRSS / 1024),
    snapshot,
    summary: dataset.summary,
  };
}

/** The groups are no part of a dataset version, so they are made once more, untimed. */
async function quality(folder: string): Promise<unknown> {
  const store = new FileStore(path.join(folder, 'artifacts'));
  const version = await new DatasetVersions(folder).latest('bench');
  if (!version) throw new Error('there is no dataset version');
  const manifest = await loadStored(MANIFEST, store, version.manifest);
  const snapshot = await loadStored(SNAPSHOT, store, manifest.snapshot);
  const segments = [];
  for (const segment of snapshot.segments) {
    segments.push({ file: await store.file(segment), bytes: segment.bytes, rows: segment.rows });
  }
  const settings = {
    template: (await findTemplate({ clean: { instructions: 'auto' }, task: 'classification' }, segments, null))
      .template,
    treatments: ['strip'] as const,
    classification: true,
    redact: [],
    phoneRegion: 'US',
    analyzer: null,
    limits: LOCAL.limits,
    groupBy: null,
    minQuality: null,
  };
  const prepared = await prepareRows(
    { segments, actuals: [], heldOut: [], settings },
    { scratch: folder, signal: new AbortController().signal },
  );
  // Rows that became no example are in no group: their pairs count as missed.
  const numbers = new Uint32Array(prepared.count);
  let row = 0;
  for await (const line of prepared.examples()) {
    const { id } = JSON.parse(line) as { id: string };
    numbers[row] = Number(id.slice(id.lastIndexOf('-') + 1));
    row += 1;
  }
  const groups = Uint32Array.from({ length: rows.rows }, (_, number) => number);
  prepared.groups.forEach((first, index) => {
    groups[numbers[index] ?? 0] = numbers[first] ?? 0;
  });
  return {
    ...groupQuality(groups, dataRows(rows)),
    leftOut: rows.rows - prepared.count,
    verdicts: prepared.issues.all(),
  };
}
