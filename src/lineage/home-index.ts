import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { SIDES } from '../core/dataset/side.ts';
import type { Report } from '../report/report.ts';
import { isErasureMark } from '../stores/erased-artifacts.ts';
import { artifactFile, artifactsFolder } from '../stores/home.ts';
import { type Definition, definitionIn } from './found-definition.ts';
import { filesUnder, known, runReports } from './home-files.ts';
import type { Home } from './model-parts.ts';
import { type Role, rolesByHash, type StoredVersion, storedVersions } from './stored-versions.ts';

/** A definition is larger than this only through its prompts. */
const LARGEST_DEFINITION = 1 << 22;

/** The contents of a home folder: dataset versions, pipelines and runs, and the role of each artifact in them. */
export class HomeIndex {
  readonly home: string;
  readonly artifacts: Home['artifacts'];
  /** Files that cannot be read or interpreted; each text once. */
  readonly notes = new Set<string>();
  versions: StoredVersion[] = [];
  roles = new Map<string, Role[]>();
  definitions: Definition[] = [];
  /** Parts of all runs' reports, without the large ones. */
  reports: Report[] = [];

  private constructor({ home, artifacts }: Home) {
    this.home = home;
    this.artifacts = artifacts;
  }

  static async load(home: Home): Promise<HomeIndex> {
    const index = new HomeIndex(home);
    await index.#loadVersions();
    await index.#loadReports();
    await index.#loadDefinitions();
    return index;
  }

  note(text: string): void {
    this.notes.add(text);
  }

  rolesOf(file: string): Role[] {
    return this.roles.get(path.basename(file)) ?? [];
  }

  /** The files of all artifacts, also of unreferenced ones. */
  async *artifactFiles(): AsyncGenerator<string> {
    const onUnread = (folder: string) => this.note(`the folder ${folder} cannot be read`);
    for await (const file of filesUnder(artifactsFolder(this.home), onUnread)) if (!isErasureMark(file)) yield file;
  }

  reportsOn({ manifestHash }: StoredVersion): Report[] {
    return this.reports.filter(({ dataset }) => manifestHash.startsWith(dataset.version));
  }

  /** An unreadable file does not keep the search from the others. */
  async whereReadable(file: string, read: () => Promise<void>): Promise<void> {
    const done = await known(read);
    if (!done.known) this.note(`${file} was not searched to its end: ${done.why}`);
  }

  async #loadVersions(): Promise<void> {
    this.versions = await storedVersions(this.home, this.artifacts, (text) => this.note(text));
    this.roles = rolesByHash(this.versions);
    for (const { name, manifest } of this.versions) {
      for (const side of SIDES) {
        const { sha256 } = manifest.examples[side];
        if ((await sizeOf(artifactFile(this.home, sha256))) >= 0) continue;
        this.note(`the ${side} examples of ${name} (${sha256.slice(0, 16)}) are missing, so their rows are unknown`);
      }
    }
  }

  async #loadReports(): Promise<void> {
    for await (const { folder, report } of runReports(this.home)) {
      if (report.known) this.reports.push({ ...report.value, curves: [], flips: null, classification: null });
      else {
        const file = path.join(folder, 'report.json');
        this.note(`${file} cannot be read, so the models of its run are unknown: ${report.why}`);
      }
    }
  }

  async #loadDefinitions(): Promise<void> {
    for await (const file of this.artifactFiles()) {
      if (this.roles.has(path.basename(file)) || (await sizeOf(file)) > LARGEST_DEFINITION) continue;
      const definition = await definitionIn(file);
      if (definition) this.definitions.push(definition);
    }
    if (this.definitions.length === 0) this.note('no pipeline is known here, so no log was searched');
  }
}

/** Bytes of a file; -1 where there is no such plain file. */
export async function sizeOf(file: string): Promise<number> {
  const found = await lstat(file).catch(() => null);
  return found?.isFile() ? found.size : -1;
}
