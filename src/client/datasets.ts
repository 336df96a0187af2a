import type { Environment } from '../config/environment.ts';
import type { DatasetVersion } from '../contract/stored/dataset-version.ts';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { TEMPLATE } from '../contract/stored/template.ts';
import type { Manifest } from '../core/dataset/manifest.ts';
import { SIDES, type Side } from '../core/dataset/side.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { droppedRows } from '../data/split/manifest.ts';
import {
  diffExamples,
  diffManifests,
  diffTemplates,
  type ExampleChanges,
  type ManifestChanges,
  type TemplateChanges,
} from '../data/split/version-diff.ts';
import { TuneloopError } from '../errors.ts';
import type { ArtifactStore } from '../stores/artifact-store.ts';
import { DatasetVersions, versionName } from '../stores/dataset-versions.ts';
import { loadStored } from '../stores/stored-objects.ts';
import type { Inspection, InspectOptions } from './inspections.ts';
import { artifactsOf } from './runs.ts';
import type { TuneloopSession } from './session.ts';

/** A dataset version as commands print it with `--json`. */
export interface DatasetVersionJson {
  pipeline: string;
  number: number;
  /** The beginning of its manifest's hash, as reports name it. */
  version: string;
  /** ISO 8601. */
  createdAt: string;
}

/** A dataset version in a list. */
export interface ListedDataset extends DatasetVersionJson {
  /** Examples on each side. */
  counts: Record<Side, number>;
  /** Rows of the log that were left out. */
  dropped: number;
  /** Number of the version that it was made on top of; null for the first. */
  parent: number | null;
}

/** The contents of a dataset version, without the text of rows. */
export interface ShownDataset extends DatasetVersionJson {
  manifest: Manifest;
  files: StoredFile[];
}

/** The differences between two dataset versions. */
export interface DatasetDiff extends ManifestChanges {
  before: DatasetVersionJson;
  after: DatasetVersionJson;
  counts: { before: Record<Side, number>; after: Record<Side, number> };
  examples: ExampleChanges;
  instructions: TemplateChanges;
}

const VERSION_DIGITS = 16;

/**
 * Dataset versions of the home folder; no server is needed. A version is named by `pipeline@number`, by `pipeline` (its
 * latest), or by the first 6 or more digits of its hash.
 */
export class DatasetClient {
  readonly #session: TuneloopSession;

  constructor(session: TuneloopSession) {
    this.#session = session;
  }

  /** The dataset versions of one pipeline, or of all, by pipeline and number. */
  list(pipeline?: string): Promise<ListedDataset[]> {
    return listDatasets(this.#session.environment, pipeline);
  }

  /** The contents and the origin of a version. @throws TuneloopError DATASET_NOT_FOUND, USAGE, ARTIFACT_CORRUPT */
  get(name: string): Promise<ShownDataset> {
    return getDataset(this.#session.environment, name);
  }

  /** The changes from version `a` to version `b`. @throws TuneloopError DATASET_NOT_FOUND, USAGE, ARTIFACT_CORRUPT */
  diff(a: string, b: string): Promise<DatasetDiff> {
    return diffDatasets(this.#session.environment, a, b);
  }

  /**
   * The common text of a log's prompts, and the inputs without it, from its first 20,000 rows. Nothing is paid.
   *
   * @param file a pipeline file, or a log that ends in .jsonl or .jsonl.gz
   * @throws TuneloopError PIPELINE_INVALID, SOURCE_*, INSTRUCTIONS_NOT_FOUND, PROVIDER_* where the provider keeps the log
   */
  async inspect(file: string, options: InspectOptions = {}): Promise<Inspection> {
    const { inspectLog } = await import('./inspections.ts');
    return inspectLog(this.#session.environment, file, options);
  }
}

async function listDatasets(environment: Environment, pipeline: string | undefined): Promise<ListedDataset[]> {
  const artifacts = artifactsOf(environment);
  const rows: ListedDataset[] = [];
  for (const version of await new DatasetVersions(environment.home).list(pipeline)) {
    const { counts, verdicts, parent } = await loadStored(MANIFEST, artifacts, version.manifest);
    rows.push({ ...versionJson(version), counts, dropped: droppedRows(verdicts), parent: parent?.number ?? null });
  }
  return rows;
}

async function getDataset(environment: Environment, name: string): Promise<ShownDataset> {
  const artifacts = artifactsOf(environment);
  const version = await findVersion(new DatasetVersions(environment.home), name);
  const manifest = await loadStored(MANIFEST, artifacts, version.manifest);
  return { ...versionJson(version), manifest, files: await filesOf(artifacts, version, manifest) };
}

async function diffDatasets(environment: Environment, nameOfA: string, nameOfB: string): Promise<DatasetDiff> {
  const artifacts = artifactsOf(environment);
  const versions = new DatasetVersions(environment.home);
  const [a, b] = [await findVersion(versions, nameOfA), await findVersion(versions, nameOfB)];
  const before = await loadStored(MANIFEST, artifacts, a.manifest);
  const after = await loadStored(MANIFEST, artifacts, b.manifest);
  const examples = await diffExamples(artifacts.rows(before.keys), artifacts.rows(after.keys));
  const instructions = diffTemplates(
    await loadStored(TEMPLATE, artifacts, before.template.ref),
    await loadStored(TEMPLATE, artifacts, after.template.ref),
  );
  const counts = { before: before.counts, after: after.counts };
  const versionsOf = { before: versionJson(a), after: versionJson(b) };
  return { ...versionsOf, counts, examples, instructions, ...diffManifests(before, after) };
}

function shortHash({ manifest }: DatasetVersion): string {
  return manifest.sha256.slice(0, VERSION_DIGITS);
}

function versionJson(version: DatasetVersion): DatasetVersionJson {
  const { pipeline, number, createdAt } = version;
  return { pipeline, number, version: shortHash(version), createdAt };
}

/**
 * The version that a person means by `pipeline@number`, `pipeline` (its latest), or the first 6 or more digits of the
 * hash.
 */
async function findVersion(versions: DatasetVersions, name: string): Promise<DatasetVersion> {
  const all = await versions.list();
  const named =
    all.find((version) => versionName(version) === name) ?? all.findLast(({ pipeline }) => pipeline === name);
  if (named) return named;
  const hashed = /^[0-9a-f]{6,64}$/.test(name) ? all.filter(({ manifest }) => manifest.sha256.startsWith(name)) : [];
  const [found, another] = hashed;
  if (found && another) {
    throw new TuneloopError(
      'USAGE',
      `${name} begins the hash of several versions: ${hashed.map(versionName).join(', ')}`,
    );
  }
  if (found) return found;
  const latest = [...Map.groupBy(all, ({ pipeline }) => pipeline).values()].flatMap((each) => each.slice(-1));
  const there = latest.map((version) => `${versionName(version)} (${shortHash(version)})`).join(', ');
  throw new TuneloopError(
    'DATASET_NOT_FOUND',
    `there is no dataset version ${name}: ${there ? `the latest are ${there}; \`tuneloop dataset list\` shows all` : 'a run makes the first one'}`,
  );
}

/** A stored file of a dataset version. */
export interface StoredFile {
  what: string;
  rows: number;
  bytes: number;
  /** Null if the file is missing, erased or damaged. */
  path: string | null;
}

async function filesOf(artifacts: ArtifactStore, { manifest: ref }: DatasetVersion, manifest: Manifest) {
  const { examples, files, template, keys, ledger } = manifest;
  const named: [string, ArtifactRef][] = [
    ...SIDES.map((side): [string, ArtifactRef] => [`examples: ${side}`, examples[side]]),
    ...files.flatMap(({ treatment, train, validation }): [string, ArtifactRef][] => [
      [`upload: ${treatment}, train`, train],
      [`upload: ${treatment}, validation`, validation],
    ]),
    ['instructions', template.ref],
    ['keys', keys],
    ['ledger of sides', ledger],
    ['manifest', ref],
  ];
  const stored: StoredFile[] = [];
  for (const [what, artifact] of named) {
    stored.push({ what, rows: artifact.rows, bytes: artifact.bytes, path: await pathOf(artifacts, artifact) });
  }
  return stored;
}

const GONE: ReadonlySet<string> = new Set(['ARTIFACT_CORRUPT', 'ARTIFACT_ERASED']);

async function pathOf(artifacts: ArtifactStore, artifact: ArtifactRef): Promise<string | null> {
  try {
    return await artifacts.file(artifact);
  } catch (error) {
    const isGone = error instanceof TuneloopError && GONE.has(error.code);
    if (isGone) return null;
    throw error;
  }
}
