import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { TuneloopError } from '../errors.ts';
import { htmlReport } from '../report/html/html-report.ts';
import { markdownReport } from '../report/markdown-report.ts';
import { parseReport } from '../report/report-schema.ts';
import { writeErasureMark } from '../stores/erased-artifacts.ts';
import { type Erasure, type ProviderItem, readErasure, writeErasure } from '../stores/erased-rows.ts';
import { writeFileAtomically } from '../stores/files.ts';
import { artifactFile, artifactsFolder } from '../stores/home.ts';
import { readLines } from '../stores/lines.ts';
import { blankLines, csvSpans, removeLines } from './erase-lines.ts';
import type { FoundRows } from './found-rows.ts';
import { sharedKeyLines } from './input-keys.ts';
import type { Home } from './model-parts.ts';
import { type Connect, eraseAtProvider, type LeftAtProvider } from './provider-erasure.ts';
import type { FoundPlace, PlaceKind, RowPlaces } from './row-places.ts';
import { findRows, type RowQuery, type RowSearch, type RowSearchOptions, rowPlaces } from './row-search.ts';
import { isExcerptOf } from './run-search.ts';
import { appendVersionsWithoutRow } from './version-without-row.ts';

export interface RowErasureOptions extends RowSearchOptions {
  /** Workflows that are open and read or write rows. */
  openWork: () => Promise<OpenWork[]>;
  /** Whether files and models at the providers are deleted too. */
  atProvider: boolean;
  connect: Connect;
  onStep: (text: string) => void;
}

export interface OpenWork {
  /** Id of the workflow. */
  id: string;
  pipeline: string | null;
}

/** The erased places, and the remaining ones. */
export interface RowErasure extends RowPlaces {
  /** Dataset versions that were made without the rows, such as `shop@3`. */
  versions: string[];
  /** The items that were deleted at providers. */
  deleted: ProviderItem[];
  /** The remaining items, and the reasons. */
  left: LeftAtProvider[];
}

/**
 * The order in which places are erased: each comes before the places by which it is found, so that an erasure that was interrupted at any
 * moment continues when it is started again. Snapshots come last, because every other place is found by them.
 */
const ORDER: readonly PlaceKind[] = [
  'cached-answer',
  'sheet',
  'labelling',
  'scores',
  'report',
  'leftover',
  'prediction',
  'training-file',
  'key',
  'examples',
  'snapshot-answers',
  'snapshot',
];
const LOGS: ReadonlySet<PlaceKind> = new Set<PlaceKind>(['log', 'later-answers', 'test-file']);

/**
 * Erases rows from a home folder, for good. First a record is written that keeps them from coming back.
 *
 * @throws TuneloopError ERASURE_BLOCKED while a run or labelling of a pipeline that holds them is open; then nothing is changed
 */
export async function eraseRows(home: Home, query: RowQuery, options: RowErasureOptions): Promise<RowErasure> {
  const search = await findRows(home, query, options);
  const { found } = search;
  const open = await options.openWork();
  refuseWhileOpen(found, open);
  const places = rowPlaces(search);
  const erasing = new Erasing(search, options.onStep);
  await erasing.record();
  const { deleted, left } = options.atProvider
    ? await erasing.atProvider(options.connect)
    : { deleted: [], left: search.atProvider.map((item) => ({ item, why: 'add --at-provider to delete it' })) };
  await erasing.logs();
  const versions = await erasing.versions();
  await erasing.places();
  await erasing.scratch(open);
  return { ...places, versions, deleted, left, notes: [...found.index.notes] };
}

function refuseWhileOpen({ pipelines }: FoundRows, open: readonly OpenWork[]): void {
  const blocking = open.filter(({ pipeline }) => pipeline !== null && pipelines.has(pipeline)).map(({ id }) => id);
  if (blocking.length === 0) return;
  throw new TuneloopError(
    'ERASURE_BLOCKED',
    `nothing was erased, because ${blocking.slice(0, 5).join(', ')} ${blocking.length === 1 ? 'is' : 'are'} open and would miss the row: ` +
      'wait for the end, or end it with `tuneloop cancel`, then run this again',
  );
}

/** The steps of one erasure. */
class Erasing {
  readonly #found: FoundRows;
  readonly #atProvider: readonly ProviderItem[];
  readonly #onStep: (text: string) => void;
  readonly #replaced = new Map<string, Promise<ArtifactRef>>();
  readonly #places: readonly FoundPlace[];
  readonly #erasures = new Map<string, Erasure>();
  #sharedKeys: ReadonlyMap<string, ReadonlySet<number>> = new Map();

  constructor({ found, atProvider }: RowSearch, onStep: (text: string) => void) {
    this.#found = found;
    this.#atProvider = atProvider;
    this.#onStep = onStep;
    this.#places = found.places.found().filter(({ action }) => action !== 'none');
  }

  /** Before anything is erased: the facts that a continued erasure needs, and the record that keeps the rows from coming back. */
  async record(): Promise<void> {
    const { home } = this.#found.index;
    const logs = this.#places.filter(({ kind }) => LOGS.has(kind)).map(({ file }) => path.resolve(file));
    for (const id of this.#found.ids) {
      const before = await readErasure(home, id);
      const erasure: Erasure = {
        keys: unique([...(before?.keys ?? []), ...this.#found.keysOf(id)]),
        erasedAt: before?.erasedAt ?? new Date().toISOString(),
        logs: unique([...(before?.logs ?? []), ...logs]),
        atProvider: [...this.#atProvider],
      };
      await writeErasure(home, id, erasure);
      this.#erasures.set(id, erasure);
    }
    this.#sharedKeys = await sharedKeyLines(this.#found, this.#places, this.#onStep);
  }

  async atProvider(connect: Connect): Promise<{ deleted: ProviderItem[]; left: LeftAtProvider[] }> {
    const deleted: ProviderItem[] = [];
    const left = await eraseAtProvider(this.#found.index.home, this.#atProvider, connect, async (item) => {
      this.#onStep(`deleted at the provider: ${item.name}`);
      deleted.push(item);
      for (const [id, erasure] of this.#erasures) {
        erasure.atProvider = erasure.atProvider.filter((other) => other !== item);
        await writeErasure(this.#found.index.home, id, erasure);
      }
    });
    return { deleted, left };
  }

  async logs(): Promise<void> {
    for (const { kind, file, spans } of this.#places) {
      if (!LOGS.has(kind)) continue;
      this.#onStep(`blanking lines of ${file}`);
      const isCsv = /\.csv(\.gz)?$/i.test(file);
      await blankLines(file, isCsv ? await csvSpans(file, spans.keys()) : spans);
    }
  }

  versions(): Promise<string[]> {
    const logs = new Set([...this.#erasures.values()].flatMap((erasure) => erasure.logs));
    return appendVersionsWithoutRow(this.#found, {
      logs,
      replaced: (ref) => this.#replacement(ref),
      replacedFile: (ref, examples) => {
        const lines = (this.#found.examples.get(examples.sha256) ?? []).map(({ line }) => line);
        return lines.length === 0 ? Promise.resolve(ref) : this.#withoutLines(ref, new Set(lines));
      },
    });
  }

  async places(): Promise<void> {
    for (const kind of ORDER) {
      // The half of a training file is found through the file.
      const isWhole = ({ of }: FoundPlace) => Number(!of.some((text) => text.startsWith('half of ')));
      const places = this.#places.filter((place) => place.kind === kind).sort((a, b) => isWhole(a) - isWhole(b));
      for (const place of places) {
        this.#onStep(`erasing from ${place.file}`);
        await this.#erase(place);
      }
    }
  }

  /** The leftovers of interrupted attempts, except those of open runs. */
  async scratch(open: readonly OpenWork[]): Promise<void> {
    for (const folder of this.#found.scratch) {
      const isOpen = open.some(({ id }) => folder.includes(`${path.sep}${id.split('/').join(path.sep)}${path.sep}`));
      if (isOpen) continue;
      await rm(folder, { recursive: true, force: true });
      this.#found.index.notes.delete(`${folder} is left of an interrupted run, and may hold it`);
    }
  }

  async #erase(place: FoundPlace): Promise<void> {
    const { kind, file, spans, action } = place;
    if (action === 'blank') await blankLines(file, spans);
    else if (kind === 'report') {
      if (file.endsWith('.json')) await this.#eraseReport(file);
    } else if (action === 'rewrite') await removeLines(file, spans);
    else if (!this.#isArtifact(file)) await rm(file, { force: true });
    else if (action === 'replace') await this.#replaceArtifact(file);
    else {
      await writeErasureMark(file, { erasedAt: new Date().toISOString(), successor: null });
      await rm(file, { force: true });
    }
  }

  async #replaceArtifact(file: string): Promise<void> {
    const sha256 = path.basename(file);
    const successor = await this.#replacement({ uri: `sha256:${sha256}`, sha256, bytes: 0, rows: 0 });
    // Another row has the same input, so that the keys stay as they are.
    if (successor.sha256 === sha256) return;
    await writeErasureMark(file, { erasedAt: new Date().toISOString(), successor });
    await rm(file, { force: true });
  }

  /** The artifact without the rows. */
  #replacement(ref: ArtifactRef): Promise<ArtifactRef> {
    const { sha256 } = ref;
    const place = this.#places.find(
      ({ file, action }) => action === 'replace' && path.basename(file) === sha256 && this.#isArtifact(file),
    );
    if (!place) return Promise.resolve(ref);
    const kept = this.#sharedKeys.get(sha256);
    const lines = new Set([...place.spans.keys()].filter((line) => !kept?.has(line)));
    if (lines.size === 0) return Promise.resolve(ref);
    const known = this.#replaced.get(sha256);
    if (known) return known;
    const replacement = this.#withoutLines(ref, lines);
    this.#replaced.set(sha256, replacement);
    return replacement;
  }

  #withoutLines({ sha256 }: ArtifactRef, lines: ReadonlySet<number>): Promise<ArtifactRef> {
    const file = artifactFile(this.#found.index.home, sha256);
    const rest = async function* () {
      let line = 0;
      for await (const bytes of readLines(file)) {
        line += 1;
        if (!lines.has(line)) yield bytes.toString('utf8');
      }
    };
    return this.#found.index.artifacts.write(rest());
  }

  /** `report.json` comes last: it says which rows the other forms show. */
  async #eraseReport(json: string): Promise<void> {
    const report = parseReport(await readFile(json, 'utf8'), json);
    const rest = <Flip extends { id: string }>(flips: Flip[]) =>
      flips.filter(({ id }) => !isExcerptOf(id, this.#found.ids));
    const flips = report.flips && { gained: rest(report.flips.gained), lost: rest(report.flips.lost) };
    const changed = { ...report, flips };
    const folder = path.dirname(json);
    await writeFileAtomically(path.join(folder, 'report.html'), htmlReport(changed));
    await writeFileAtomically(path.join(folder, 'report.md'), markdownReport(changed));
    await writeFileAtomically(json, `${JSON.stringify(changed, null, 2)}\n`);
  }

  #isArtifact(file: string): boolean {
    const folder = artifactsFolder(this.#found.index.home);
    return path.dirname(path.dirname(file)) === folder && /^[0-9a-f]{64}$/.test(path.basename(file));
  }
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
