import { z } from 'zod';
import { DATASET_VERSION, type DatasetVersion } from '../contract/stored/dataset-version.ts';
import { contentOf, withFormat } from '../contract/stored/format.ts';
import { WRITTEN_BY } from '../contract/stored/written-by.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { TuneloopError } from '../errors.ts';
import { openDatasetRecords } from './open-stores.ts';
import type { RecordStore } from './records.ts';

/** The name of a version as people write it: `pipeline@number`. */
export function versionName({ pipeline, number }: Pick<DatasetVersion, 'pipeline' | 'number'>): string {
  return `${pipeline}@${number}`;
}

/** The dataset versions of each pipeline, in the order in which they were made: `<home>/datasets/<pipeline>/000001.json`. */
export class DatasetVersions {
  readonly #records: RecordStore;

  constructor(home: string) {
    this.#records = openDatasetRecords(home);
  }

  /** @throws TuneloopError as {@link list}. */
  async latest(pipeline: string): Promise<DatasetVersion | null> {
    const number = (await this.#numbers(pipeline)).at(-1);
    return number === undefined ? null : this.#read(pipeline, number);
  }

  /**
   * The versions of one pipeline or of all, by name and number.
   *
   * @throws TuneloopError USAGE for an invalid name of a pipeline, ARTIFACT_CORRUPT for a version that cannot be read, STORED_FORMAT for
   * one of another format.
   */
  async list(pipeline?: string): Promise<DatasetVersion[]> {
    const pipelines = pipeline === undefined ? (await this.#records.names()).filter(isPipelineName) : [pipeline];
    const versions: DatasetVersion[] = [];
    for (const name of pipelines.sort()) {
      for (const number of await this.#numbers(name)) versions.push(await this.#read(name, number));
    }
    return versions;
  }

  /**
   * Adds the version after `previous` (0: the first), if that is still the latest. Of several simultaneous calls one succeeds; the version
   * exists whole or not at all.
   *
   * @throws TuneloopError DATASET_CHANGED if `previous` is not the latest version.
   */
  async append(pipeline: string, previous: number, manifest: ArtifactRef): Promise<DatasetVersion> {
    const latest = (await this.#numbers(pipeline)).at(-1) ?? 0;
    if (latest !== previous) throw changed(pipeline, previous);
    const version: DatasetVersion = { pipeline, number: previous + 1, manifest, createdAt: new Date().toISOString() };
    if (await this.#records.append(pipeline, version.number, textOf(version))) return version;
    throw changed(pipeline, previous);
  }

  /** In ascending order. @throws TuneloopError USAGE for a text that cannot be the name of a pipeline. */
  async #numbers(pipeline: string): Promise<number[]> {
    if (isPipelineName(pipeline)) return this.#records.numbers(pipeline);
    const name = JSON.stringify(pipeline).slice(0, 100);
    throw new TuneloopError(
      'USAGE',
      `${name} is no pipeline: names have 1 to 63 lower-case letters, digits and hyphens`,
    );
  }

  async #read(pipeline: string, number: number): Promise<DatasetVersion> {
    const place = this.#records.place(pipeline, number);
    const text = await this.#records.read(pipeline, number);
    if (text === null) throw corrupt(place, 'it has been removed');
    const parsed = DATASET_VERSION.schema.safeParse(contentOf(DATASET_VERSION, parseJson(text, place), place));
    if (!parsed.success) throw corrupt(place, z.prettifyError(parsed.error));
    const version = parsed.data;
    if (version.pipeline !== pipeline || version.number !== number) throw corrupt(place, 'it is another version');
    return version;
  }
}

function textOf(version: DatasetVersion): string {
  return `${JSON.stringify({ ...withFormat(DATASET_VERSION, version), writtenBy: WRITTEN_BY })}\n`;
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt(place, 'it is not JSON');
  }
}

function corrupt(place: string, reason: string): TuneloopError {
  return new TuneloopError('ARTIFACT_CORRUPT', `${place} is no dataset version: ${reason}`);
}

function isPipelineName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(name);
}

function changed(pipeline: string, previous: number): TuneloopError {
  return new TuneloopError(
    'DATASET_CHANGED',
    previous === 0
      ? `${pipeline} has a dataset version meanwhile: build on it`
      : `version ${previous} of ${pipeline} is not its latest: build on the one that is`,
  );
}
