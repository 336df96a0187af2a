import { createHash, hash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { stripInstructions } from '@tuneloop/app/internal/prompt/prompt-template';
import { z } from 'zod';
import { keyOf } from '../data/prepare/row-batch.ts';
import { KEY_BYTES } from '../data/rows/row-key.ts';
import { canonicalInput } from '../data/split/near-duplicates.ts';
import { SIDES } from '../data/split/sides.ts';
import type { Report } from '../report/report.ts';
import { readLines } from '../stores/lines.ts';
import { AnswerKeys } from './answer-search.ts';
import { artifactsFolder } from './artifact-states.ts';
import { deploymentAliases, filesUnder, known, runReports } from './home-files.ts';
import { type Definition, definitionIn, searchLogs } from './log-search.ts';
import { rolesOf } from './model-lineage.ts';
import { deployedModels, type Home } from './model-parts.ts';
import { objectOf, type RowLine, rowLines } from './row-lines.ts';
import { type PlaceKind, PlaceList, type RowModel, type RowPlaces } from './row-places.ts';
import { artifactFile, type Role, rolesByHash, type StoredVersion, storedVersions } from './stored-versions.ts';

/** Rows by the id that the log gave them, or by an input that is written like theirs. */
export type RowQuery = { id: string } | { input: string };

export interface RowSearchOptions {
  /** Where the local trainer listens: a part of what answers are cached by. */
  trainerUrl: string;
  onFile: (file: string) => void;
}

/** A definition is larger only where its prompts are. */
const LARGEST_DEFINITION = 1 << 22;

/**
 * Looks for rows in everything that a home folder holds, and in the logs of its pipelines. Files are streamed; in memory
 * are ids, line numbers and hashes. Nothing is changed.
 */
export async function searchRow(home: Home, query: RowQuery, options: RowSearchOptions): Promise<RowPlaces> {
  return new RowSearch(home, options).run(query);
}

class RowSearch {
  readonly #home: string;
  readonly #artifacts: Home['artifacts'];
  readonly #options: RowSearchOptions;
  readonly #places = new PlaceList();
  readonly #notes = new Set<string>();
  readonly #ids = new Set<string>();
  /** Hex digits of what inputs are known by. */
  readonly #keys = new Set<string>();
  /** Lines of examples that hold a row, by the hash of their artifact. */
  readonly #lines = new Map<string, number[]>();
  /** Training files of which the half holds a row, by hash. */
  readonly #halves = new Set<string>();
  #versions: StoredVersion[] = [];
  #roles = new Map<string, Role[]>();
  #definitions: Definition[] = [];
  #reports: Report[] = [];

  constructor({ home, artifacts }: Home, options: RowSearchOptions) {
    this.#home = home;
    this.#artifacts = artifacts;
    this.#options = options;
  }

  async run(query: RowQuery): Promise<RowPlaces> {
    await this.#load();
    if ('id' in query) this.#ids.add(query.id);
    else await this.#findIds(query.input);
    const answers = new AnswerKeys(this.#definitions, this.#options.trainerUrl);
    await this.#searchArtifacts(answers);
    await this.#searchTrainingFiles();
    await this.#searchKeys();
    await this.#searchRuns();
    const { onFile } = this.#options;
    const note = (text: string) => this.#notes.add(text);
    await searchLogs(this.#definitions, { ids: this.#ids, places: this.#places, note, onFile });
    await answers.search(this.#home, this.#places, onFile);
    if (answers.isFull) note('so many rows match that not all of their cached answers were looked for');
    return {
      ids: [...this.#ids].sort(),
      places: this.#places.all(),
      models: await this.#models(),
      notes: [...this.#notes],
    };
  }

  /** What artifacts are, where the logs lie, and which runs there were. */
  async #load(): Promise<void> {
    const note = (text: string) => this.#notes.add(text);
    this.#versions = await storedVersions(this.#home, this.#artifacts, note);
    this.#roles = rolesByHash(this.#versions);
    for await (const { folder, report } of runReports(this.#home)) {
      if (report.known) this.#reports.push(trimmed(report.value));
      else
        note(
          `${path.join(folder, 'report.json')} cannot be read, so the models of its run are not known: ${report.why}`,
        );
    }
    for await (const file of this.#artifactFiles()) {
      if (this.#roles.has(path.basename(file)) || (await sizeOf(file)) > LARGEST_DEFINITION) continue;
      const definition = await definitionIn(file);
      if (definition) this.#definitions.push(definition);
    }
    if (this.#definitions.length === 0) note('no pipeline is known here, so no log was looked at');
    for (const { name, manifest } of this.#versions) {
      for (const side of SIDES) {
        const { sha256 } = manifest.examples[side];
        if ((await sizeOf(artifactFile(this.#home, sha256))) >= 0) continue;
        note(`the ${side} examples of ${name} (${sha256.slice(0, 16)}) are missing, so what they held is not known`);
      }
    }
  }

  /** The ids of rows with an input like this one. Its key alone tells where an input was, where its row is gone. */
  async #findIds(input: string): Promise<void> {
    const canonical = canonicalInput(input);
    this.#keys.add(hexKey(canonical));
    const newest = new Map(this.#versions.map((version) => [version.pipeline, version]));
    for (const [sha256, roles] of this.#roles) {
      const kinds = new Set(roles.map(({ kind }) => kind));
      if (!kinds.has('segment') && !kinds.has('examples')) continue;
      const templates = new Set(roles.flatMap(({ version }) => newest.get(version.pipeline)?.template ?? []));
      const file = artifactFile(this.#home, sha256);
      this.#options.onFile(file);
      await this.#whereReadable(file, async () => {
        for await (const bytes of readLines(file)) {
          const row = rowSchema.safeParse(objectOf(bytes)).data;
          if (!row) continue;
          const inputs = [row.input ?? [], ...(row.messages ?? []).map(({ content }) => content)].flat();
          for (const template of row.messages ? templates : []) {
            const stripped = stripInstructions(template, row.messages ?? []);
            if ('input' in stripped) inputs.push(stripped.input);
          }
          if (inputs.some((each) => canonicalInput(each) === canonical)) this.#ids.add(row.id);
        }
      });
    }
  }

  async #searchArtifacts(answers: AnswerKeys): Promise<void> {
    const asked = new Map(this.#versions.map((version) => [version, this.#modelsAsked(version)]));
    for await (const file of this.#artifactFiles()) {
      const sha256 = path.basename(file);
      const roles = this.#roles.get(sha256) ?? [];
      if (roles.some(({ kind }) => kind === 'keys' || kind === 'ledger')) continue;
      this.#options.onFile(file);
      await this.#whereReadable(file, async () => {
        for await (const found of rowLines(file, this.#ids)) {
          this.#places.add(kindOf(found, roles), file, roles.map(roleText), found.line);
          this.#remember(found, sha256, roles);
          const example = exampleSchema.safeParse(found.value).data;
          if (!example) continue;
          for (const { kind, version } of roles) {
            if (kind === 'examples') answers.add(exact(example), version, asked.get(version) ?? []);
          }
        }
      });
    }
  }

  /** What a line says about where else its row is. */
  #remember({ line, value }: RowLine, sha256: string, roles: readonly Role[]): void {
    const messages = rowSchema.safeParse(value).data?.messages;
    for (const { kind, version } of roles) {
      if (kind === 'segment' && messages && version.template) {
        const stripped = stripInstructions(version.template, messages);
        if ('input' in stripped) this.#keys.add(hexKey(canonicalInput(stripped.input)));
      }
    }
    if (!roles.some(({ kind }) => kind === 'examples')) return;
    // A bare input of a test file, which is in no snapshot.
    const example = exampleSchema.safeParse(value).data;
    if (example && example.version === undefined) this.#keys.add(hexKey(canonicalInput(example.input)));
    const lines = this.#lines.get(sha256) ?? [];
    lines.push(line);
    this.#lines.set(sha256, lines);
  }

  /** A training file has no ids: its lines stand in the order of the examples. */
  async #searchTrainingFiles(): Promise<void> {
    for (const { name, manifest } of this.#versions) {
      for (const side of ['train', 'validation'] as const) {
        const examples = manifest.examples[side];
        const lines = this.#lines.get(examples.sha256) ?? [];
        if (lines.length === 0) continue;
        for (const { treatment, ...files } of manifest.files) {
          const { sha256, rows } = files[side];
          const file = artifactFile(this.#home, sha256);
          const upload = `${side}-${sha256}.jsonl`;
          const of = [`${name} ${side}, ${treatment}; at the provider: ${upload}`];
          if (rows !== examples.rows) this.#notes.add(`${name}: the lines of ${upload} are not those of its examples`);
          for (const line of lines) this.#places.add('training-file', file, of, line);
          if ((await sizeOf(file)) < 0)
            this.#notes.add(`${upload} of ${name} is missing here; the provider may have it`);
          else if (side === 'train') await this.#searchHalf(file, sha256, new Set(lines), of);
        }
      }
    }
  }

  /** The half of a training file, as `halve-file` makes it: it follows from the file, and nothing else names it. */
  async #searchHalf(file: string, sha256: string, lines: ReadonlySet<number>, of: readonly string[]): Promise<void> {
    const half = createHash('sha256');
    const held: number[] = [];
    let line = 0;
    let lineOfHalf = 0;
    await this.#whereReadable(file, async () => {
      for await (const bytes of readLines(file)) {
        line += 1;
        if (hash('sha256', bytes, 'buffer').readUInt8(0) % 2 !== 0) continue;
        lineOfHalf += 1;
        half.update(bytes).update('\n');
        if (lines.has(line)) held.push(lineOfHalf);
      }
    });
    if (held.length === 0) return;
    this.#halves.add(sha256);
    const halfHash = half.digest('hex');
    const halfFile = artifactFile(this.#home, halfHash);
    if ((await sizeOf(halfFile)) < 0) return;
    const text = of.map((each) => `half of ${each.replace(/train-[0-9a-f]{64}/, `train-${halfHash}`)}`);
    for (const each of held) this.#places.add('training-file', halfFile, text, each);
  }

  /** Keys and ledgers hold hashes of inputs: nobody can read them, but who has the input can tell that it was there. */
  async #searchKeys(): Promise<void> {
    if (this.#keys.size === 0) return;
    for (const [sha256, roles] of this.#roles) {
      if (!roles.some(({ kind }) => kind === 'keys' || kind === 'ledger')) continue;
      const file = artifactFile(this.#home, sha256);
      this.#options.onFile(file);
      await this.#whereReadable(file, async () => {
        let line = 0;
        for await (const bytes of readLines(file)) {
          line += 1;
          if (!this.#keys.has(bytes.toString('latin1', 0, KEY_BYTES * 2))) continue;
          this.#places.add('key', file, roles.map(roleText), line);
        }
      });
    }
  }

  async #searchRuns(): Promise<void> {
    const onUnread = (folder: string) => this.#notes.add(`the folder ${folder} cannot be read`);
    const names = await readdir(this.#home).catch(() => []);
    const labelling = names.filter((name) => name.startsWith('labelling-'));
    for (const folder of ['runs', ...labelling].map((name) => path.join(this.#home, name))) {
      for await (const file of filesUnder(folder, onUnread)) {
        const scratch = file.lastIndexOf(`${path.sep}scratch${path.sep}`);
        if (scratch !== -1) {
          this.#notes.add(
            `${file.slice(0, scratch)}${path.sep}scratch is left of a run that was cut off, and may hold it`,
          );
        } else if (path.basename(file) === 'report.json') await this.#searchReport(file);
        else if (!/^report\.(html|md)$/.test(path.basename(file))) {
          this.#options.onFile(file);
          await this.#whereReadable(file, async () => {
            for await (const { line } of rowLines(file, this.#ids))
              this.#places.add(kindOfRunFile(file), file, [], line);
          });
        }
      }
    }
  }

  /** The flips of a report, which its three forms show with excerpts. */
  async #searchReport(file: string): Promise<void> {
    const flips = await known(async () => flipsSchema.parse(JSON.parse(await readFile(file, 'utf8'))).flips);
    if (!flips.known) return;
    const shown = [...(flips.value?.gained ?? []), ...(flips.value?.lost ?? [])];
    const isShown = shown.some(({ id }) => this.#isExcerptOf(id));
    if (!isShown) return;
    const folder = path.dirname(file);
    for (const name of ['report.json', 'report.html', 'report.md']) {
      const form = path.join(folder, name);
      if ((await sizeOf(form)) >= 0) this.#places.add('report', form, [], null);
    }
  }

  /** Reports cut long ids. */
  #isExcerptOf(shown: string): boolean {
    if (this.#ids.has(shown)) return true;
    if (!shown.endsWith('…')) return false;
    const beginning = shown.slice(0, -1);
    return [...this.#ids].some((id) => id.startsWith(beginning));
  }

  /** The models of runs on versions in whose training or validation files a row is. */
  async #models(): Promise<RowModel[]> {
    const aliases = (await deploymentAliases(this.#home)).flatMap(({ pipeline, alias }) => {
      if (alias.known) return [alias.value];
      this.#notes.add(`the alias of ${pipeline} cannot be read, so what it deploys is not marked: ${alias.why}`);
      return [];
    });
    const models: RowModel[] = [];
    for (const version of this.#versions) {
      const { examples, files } = version.manifest;
      const isIn = (side: 'train' | 'validation') => this.#lines.has(examples[side].sha256);
      if (!isIn('train') && !isIn('validation')) continue;
      const reports = this.#reports.filter(({ dataset }) => version.manifestHash.startsWith(dataset.version));
      if (reports.length === 0)
        this.#notes.add(`no run on ${version.name} has a report here: look for its jobs at the provider`);
      const servesAs = (model: string) => aliases.flatMap((alias) => rolesOf(alias, model));
      for (const { runId: run, candidates } of reports) {
        for (const candidate of candidates) {
          const { jobId, half, treatment, checkpoints } = candidate;
          if (jobId === null) continue;
          const file = files.find((each) => each.treatment === treatment)?.train.sha256;
          const trained = isIn('train') && (!half || file === undefined || this.#halves.has(file));
          if (!trained && !isIn('validation')) continue;
          const use = trained ? 'trained' : 'validated';
          for (const { id: contender, model } of [candidate, ...checkpoints]) {
            const serves = model === null ? [] : servesAs(model);
            models.push({ model, contender, run, jobId, dataset: version.name, use, serves });
          }
        }
      }
      // Proposed by a run whose report is gone.
      for (const { model, run, candidate: contender, manifest } of deployedModels(aliases)) {
        if (manifest.sha256 !== version.manifestHash || models.some((each) => each.model === model)) continue;
        const use = isIn('train') ? 'trained' : 'validated';
        models.push({ model, contender, run, jobId: null, dataset: version.name, use, serves: servesAs(model) });
      }
    }
    return models;
  }

  /** Everybody that runs on a version may have asked for answers. */
  #modelsAsked({ manifestHash }: StoredVersion): Set<string> {
    const reports = this.#reports.filter(({ dataset }) => manifestHash.startsWith(dataset.version));
    const models = reports.flatMap(({ candidates, baseline, alternatives, champion }) => [
      ...candidates.flatMap((candidate) => [candidate.model, ...candidate.checkpoints.map(({ model }) => model)]),
      baseline.kind === 'live' ? baseline.model : null,
      ...alternatives.map(({ model }) => model),
      champion?.model ?? null,
    ]);
    return new Set(models.filter((model) => model !== null));
  }

  #artifactFiles(): AsyncGenerator<string> {
    return filesUnder(artifactsFolder(this.#home), (folder) => this.#notes.add(`the folder ${folder} cannot be read`));
  }

  /** A file that cannot be read is no reason not to look at the others. */
  async #whereReadable(file: string, read: () => Promise<void>): Promise<void> {
    const done = await known(read);
    if (!done.known) this.#notes.add(`${file} was not looked at to its end: ${done.why}`);
  }
}

const messageSchema = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.string(),
}) satisfies z.ZodType<Message>;
const rowSchema = z.object({
  id: z.string(),
  input: z.string().optional(),
  messages: z.array(messageSchema).optional(),
});
const exampleSchema = z.object({
  id: z.string(),
  input: z.string(),
  completion: z.string(),
  version: z.int().gte(0).exactOptional(),
  slots: z.array(z.string()).exactOptional(),
});
const flipList = z.array(z.object({ id: z.string() }));
const flipsSchema = z.object({ flips: z.object({ gained: flipList, lost: flipList }).nullable() });

function exact({ id, input, version, slots }: z.output<typeof exampleSchema>) {
  return { id, input, ...(version === undefined ? {} : { version }), ...(slots === undefined ? {} : { slots }) };
}

/** Of many reports only what is asked for stays in memory. */
function trimmed(report: Report): Report {
  return { ...report, curves: [], flips: null, classification: null };
}

function kindOf({ isAnswer, value }: RowLine, roles: readonly Role[]): PlaceKind {
  const [role] = roles;
  if (role?.kind === 'segment') return 'snapshot';
  if (role?.kind === 'actuals') return 'snapshot-answers';
  if (role?.kind === 'examples') return 'examples';
  // Nothing on this disk says what an evaluation or a run without a version has written: its form does.
  if ('index' in value && 'answer' in value) return 'prediction';
  if ('messages' in value) return 'line' in value ? 'snapshot' : 'labelling';
  if ('input' in value) return 'examples';
  return isAnswer || 'actual' in value || 'quality' in value ? 'snapshot-answers' : 'leftover';
}

function kindOfRunFile(file: string): PlaceKind {
  const name = path.basename(file);
  if (name === 'scores.jsonl') return 'scores';
  return name === 'kept-out.jsonl' || name.startsWith('answers-') ? 'labelling' : 'leftover';
}

function roleText(role: Role): string {
  return role.kind === 'examples' ? `${role.version.name} ${role.side}` : `${role.version.name} ${role.kind}`;
}

function hexKey(canonical: string): string {
  return Buffer.from(keyOf(canonical)).toString('hex');
}

/** -1 where there is no such plain file. */
async function sizeOf(file: string): Promise<number> {
  const found = await lstat(file).catch(() => null);
  return found?.isFile() ? found.size : -1;
}
