import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { TuneloopError } from '../errors.ts';
import type { ArtifactRef } from './artifact-store.ts';
import { hasCode } from './files.ts';

/** One dataset version of a pipeline. */
export interface DatasetVersion {
  pipeline: string;
  /** From 1, without gaps. */
  number: number;
  manifest: ArtifactRef;
  /** ISO 8601. */
  createdAt: string;
}

/** The dataset versions of each pipeline, in the order in which they were made: `<home>/datasets/<pipeline>/000001.json`. */
export class DatasetVersions {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = path.join(home, 'datasets');
  }

  /** @throws TuneloopError as {@link list}. */
  async latest(pipeline: string): Promise<DatasetVersion | null> {
    const number = (await this.#numbers(pipeline)).at(-1);
    return number === undefined ? null : this.#read(pipeline, number);
  }

  /**
   * The versions of one pipeline or of all, by name and number.
   *
   * @throws TuneloopError USAGE for what cannot be a pipeline's name, ARTIFACT_CORRUPT for a version that cannot be read.
   */
  async list(pipeline?: string): Promise<DatasetVersion[]> {
    const pipelines = pipeline === undefined ? (await namesIn(this.#folder)).filter(isPipelineName) : [pipeline];
    const versions: DatasetVersion[] = [];
    for (const name of pipelines.sort()) {
      for (const number of await this.#numbers(name)) versions.push(await this.#read(name, number));
    }
    return versions;
  }

  /**
   * Adds the version after `previous` (0: the first), if that is still the latest. Of several at the same time one does;
   * the version is there whole or not at all.
   *
   * @throws TuneloopError DATASET_CHANGED if `previous` is not the latest version.
   */
  async append(pipeline: string, previous: number, manifest: ArtifactRef): Promise<DatasetVersion> {
    const latest = (await this.#numbers(pipeline)).at(-1) ?? 0;
    if (latest !== previous) throw changed(pipeline, previous);
    const version: DatasetVersion = { pipeline, number: previous + 1, manifest, createdAt: new Date().toISOString() };
    const file = this.#file(pipeline, version.number);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.writing-${randomUUID()}`;
    try {
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(`${JSON.stringify(version)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      // Unlike a rename, a link never replaces what another process has put there.
      await link(temporary, file);
      return version;
    } catch (error) {
      throw hasCode(error, 'EEXIST') ? changed(pipeline, previous) : error;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** In ascending order. What writers have left behind is no version. */
  async #numbers(pipeline: string): Promise<number[]> {
    const names = await namesIn(path.dirname(this.#file(pipeline, 1)));
    return names
      .filter((name) => VERSION_FILE.test(name))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
  }

  async #read(pipeline: string, number: number): Promise<DatasetVersion> {
    const file = this.#file(pipeline, number);
    try {
      const version = versionSchema.parse(JSON.parse(await readFile(file, 'utf8')));
      if (version.pipeline !== pipeline || version.number !== number) throw new Error('it is another version');
      return version;
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      throw new TuneloopError('ARTIFACT_CORRUPT', `${file} is no dataset version: ${reason}`);
    }
  }

  /** @throws TuneloopError USAGE for what cannot be a pipeline's name, so that none can name a path. */
  #file(pipeline: string, number: number): string {
    if (!isPipelineName(pipeline)) {
      const name = JSON.stringify(pipeline).slice(0, 100);
      throw new TuneloopError(
        'USAGE',
        `${name} is no pipeline: names have 1 to 63 lower-case letters, digits and hyphens`,
      );
    }
    return path.join(this.#folder, pipeline, `${String(number).padStart(6, '0')}.json`);
  }
}

const VERSION_FILE = /^(\d{6}|[1-9]\d{6,14})\.json$/;

const versionSchema = z.object({
  pipeline: z.string(),
  number: z.int().gte(1),
  manifest: z.object({
    uri: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    bytes: z.int().gte(0),
    rows: z.int().gte(0),
  }),
  createdAt: z.iso.datetime(),
});

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

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw error;
  }
}
