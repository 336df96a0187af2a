import path from 'node:path';
import { stripInstructions } from '@tuneloop/app/internal/prompt/prompt-template';
import { KEY_BYTES } from '../data/rows/row-key.ts';
import { canonicalInput } from '../data/split/near-duplicates.ts';
import { artifactFile } from '../stores/home.ts';
import { readLines } from '../stores/lines.ts';
import type { AnswerKeys } from './answer-search.ts';
import { exampleSchema, type FoundRows, rowSchema } from './found-rows.ts';
import type { HomeIndex } from './home-index.ts';
import { objectOf, type RowLine, rowLines } from './row-lines.ts';
import type { PlaceKind } from './row-places.ts';
import type { Role, StoredVersion } from './stored-versions.ts';

type OnFile = (file: string) => void;

/** The ids of rows with the same input. Only the key shows where an input was, if its row is gone. */
export async function findIds(found: FoundRows, input: string, onFile: OnFile): Promise<void> {
  const { index } = found;
  const canonical = canonicalInput(input);
  found.addInput(null, input);
  const newest = new Map(index.versions.map((version) => [version.pipeline, version]));
  for (const [sha256, roles] of index.roles) {
    if (!roles.some(({ kind }) => kind === 'segment' || kind === 'examples')) continue;
    const templates = new Set(roles.flatMap(({ version }) => newest.get(version.pipeline)?.template ?? []));
    const file = artifactFile(index.home, sha256);
    onFile(file);
    await index.whereReadable(file, async () => {
      for await (const bytes of readLines(file)) {
        const row = rowSchema.safeParse(objectOf(bytes)).data;
        if (!row) continue;
        const inputs = [row.input ?? [], ...(row.messages ?? []).map(({ content }) => content)].flat();
        for (const template of row.messages ? templates : []) {
          const stripped = stripInstructions(template, row.messages ?? []);
          if ('input' in stripped) inputs.push(stripped.input);
        }
        if (inputs.some((each) => canonicalInput(each) === canonical)) found.ids.add(row.id);
      }
    });
  }
}

/** Looks through the artifacts of dataset versions. Their content about a row is needed to recognise it elsewhere. */
export async function searchVersions(found: FoundRows, answers: AnswerKeys, onFile: OnFile): Promise<void> {
  const { index, places } = found;
  const asked = new Map(index.versions.map((version) => [version, modelsAsked(index, version)]));
  for await (const file of index.artifactFiles()) {
    const roles = index.rolesOf(file);
    if (roles.length === 0 || roles.some(isKeys)) continue;
    onFile(file);
    await index.whereReadable(file, async () => {
      for await (const line of rowLines(file, found.ids)) {
        places.add(kindOf(line, roles), file, roles.map(roleText), line.line);
        remember(found, line, path.basename(file), roles);
        const example = exampleSchema.safeParse(line.value).data;
        if (!example) continue;
        for (const { kind, version } of roles) {
          if (kind === 'examples') answers.add(example, version, asked.get(version) ?? []);
        }
      }
    });
  }
}

/** The references of a line to other places of its row. */
function remember(found: FoundRows, { line, value, isAnswer }: RowLine, sha256: string, roles: readonly Role[]): void {
  const row = rowSchema.safeParse(value).data;
  for (const { version } of roles) found.pipelines.add(version.pipeline);
  if (!row || isAnswer) return;
  if (roles.some(({ kind }) => kind === 'segment')) {
    found.recognize({ ...row, line: row.line ?? line });
    const rows = found.segmentRows.get(sha256) ?? [];
    rows.push({ line: row.line ?? line, ...(row.file === undefined ? {} : { file: row.file }) });
    found.segmentRows.set(sha256, rows);
  }
  for (const { kind, version } of roles) {
    if (kind !== 'segment' || !row.messages || !version.template) continue;
    const stripped = stripInstructions(version.template, row.messages);
    if (!('input' in stripped)) continue;
    found.addInput(row.id, stripped.input);
    addText(found, stripped.input);
  }
  const example = roles.some(({ kind }) => kind === 'examples') ? exampleSchema.safeParse(value).data : undefined;
  if (!example) return;
  addText(found, example.input);
  found.addExample(sha256, line, example.completion);
  // A bare input of a test file, which is in no snapshot.
  if (example.version !== undefined) return;
  found.addInput(example.id, example.input);
  found.recognize({ id: example.id, line: example.line ?? line, input: example.input });
}

function addText(found: FoundRows, input: string): void {
  if (input.trim() !== '') found.texts.add(JSON.stringify(input).slice(1, -1));
}

const CHAT = Buffer.from('{"messages":');

/**
 * Looks through the artifacts that no dataset version refers to: answers of evaluations, and leftovers. Lines of a training file carry no
 * id, and are recognised by the input.
 */
export async function searchOtherArtifacts(found: FoundRows, onFile: OnFile): Promise<void> {
  const { index, places } = found;
  const trained = new Set(
    index.versions.flatMap(({ manifest }) =>
      manifest.files.flatMap(({ train, validation }) => [train.sha256, validation.sha256]),
    ),
  );
  const texts = [...found.texts].map((text) => Buffer.from(text));
  const foundFiles = new Set(places.found().map(({ file }) => file));
  for await (const file of index.artifactFiles()) {
    if (index.rolesOf(file).length > 0 || trained.has(path.basename(file)) || foundFiles.has(file)) continue;
    onFile(file);
    await index.whereReadable(file, async () => {
      for await (const line of rowLines(file, found.ids)) {
        places.add(kindOf(line, []), file, [], line.line);
        const row = rowSchema.safeParse(line.value).data;
        if (row?.line !== undefined && row.messages) found.recognize({ ...row, line: row.line });
      }
      let number = 0;
      for await (const bytes of texts.length === 0 ? [] : readLines(file)) {
        number += 1;
        if (!bytes.subarray(0, CHAT.length).equals(CHAT)) continue;
        if (texts.some((text) => bytes.includes(text))) places.add('leftover', file, [], number);
      }
    });
  }
}

/** Keys and ledgers hold hashes of inputs: they cannot be read back, but a person who has the input can check that it was there. */
export async function searchKeys({ index, places, inputKeys }: FoundRows, onFile: OnFile): Promise<void> {
  if (inputKeys.size === 0) return;
  for (const [sha256, roles] of index.roles) {
    if (!roles.some(isKeys)) continue;
    const file = artifactFile(index.home, sha256);
    onFile(file);
    await index.whereReadable(file, async () => {
      let line = 0;
      for await (const bytes of readLines(file)) {
        line += 1;
        if (inputKeys.has(keyOfLine(bytes))) places.add('key', file, roles.map(roleText), line);
      }
    });
  }
}

/** The key at the beginning of a line of keys or of a ledger, as hex digits. */
export function keyOfLine(bytes: Buffer): string {
  return bytes.toString('latin1', 0, KEY_BYTES * 2);
}

/** All runs on a version may have asked for answers. */
function modelsAsked(index: HomeIndex, version: StoredVersion): Set<string> {
  const models = index
    .reportsOn(version)
    .flatMap(({ candidates, baseline, alternatives, champion }) => [
      ...candidates.flatMap((candidate) => [candidate.model, ...candidate.checkpoints.map(({ model }) => model)]),
      baseline.kind === 'live' ? baseline.model : null,
      ...alternatives.map(({ model }) => model),
      champion?.model ?? null,
    ]);
  return new Set(models.filter((model) => model !== null));
}

function isKeys({ kind }: Role): boolean {
  return kind === 'keys' || kind === 'ledger';
}

function kindOf({ isAnswer, value }: RowLine, [role]: readonly Role[]): PlaceKind {
  if (role?.kind === 'segment') return 'snapshot';
  if (role?.kind === 'actuals') return 'snapshot-answers';
  if (role?.kind === 'examples') return 'examples';
  // No file on this disk lists the artifacts of an evaluation or of a run without a version: their form shows it.
  if ('index' in value && 'answer' in value) return 'prediction';
  if ('messages' in value) return 'line' in value ? 'snapshot' : 'labelling';
  if ('input' in value) return 'examples';
  return isAnswer || 'actual' in value || 'quality' in value ? 'snapshot-answers' : 'leftover';
}

function roleText(role: Role): string {
  return role.kind === 'examples' ? `${role.version.name} ${role.side}` : `${role.version.name} ${role.kind}`;
}
