import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import { artifactsOf } from '../client/runs.ts';
import { readEnvironment } from '../config/environment.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { plainLine } from '../core/text/format.ts';
import { VERDICTS, type VerdictCount } from '../data/rows/issue.ts';
import { droppedRows, type LabelTable, type Manifest } from '../data/split/manifest.ts';
import { SIDES, type Side } from '../data/split/sides.ts';
import {
  type Change,
  diffExamples,
  diffManifests,
  diffTemplates,
  type ExampleChanges,
  type ManifestChanges,
  type TemplateChanges,
} from '../data/split/version-diff.ts';
import { TuneloopError } from '../errors.ts';
import { type ArtifactStore, readJson } from '../stores/artifact-store.ts';
import { type DatasetVersion, DatasetVersions } from '../stores/dataset-versions.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';

interface JsonOption {
  json?: boolean;
}

/** A dataset version as commands print it with `--json`. */
interface VersionJson {
  pipeline: string;
  number: number;
  /** The beginning of its manifest's hash, as reports name it. */
  version: string;
  createdAt: string;
}

const VERSION_DIGITS = 16;
const BAR_WIDTH = 30;
const LABELS_SHOWN = 30;
const CONFLICTS_SHOWN = 10;
const PLACES_SHOWN = 3;
const LABEL_LENGTH = 50;

/** `dataset list [PIPELINE]`: the dataset versions, by pipeline and number. */
export async function listDatasets(pipeline: string | undefined, options: JsonOption): Promise<number> {
  const { versions, artifacts } = open();
  const rows: (VersionJson & { counts: Record<Side, number>; dropped: number; parent: number | null })[] = [];
  for (const version of await versions.list(pipeline)) {
    const { counts, verdicts, parent } = await readJson<Manifest>(artifacts, version.manifest);
    rows.push({ ...toJson(version), counts, dropped: droppedRows(verdicts), parent: parent?.number ?? null });
  }
  printResult(options.json, rows, () =>
    rows.length === 0
      ? 'There is no dataset version yet: a run makes one.'
      : alignColumns([
          ['dataset', 'version', 'created', ...SIDES, 'dropped', 'parent'],
          ...rows.map(({ counts, dropped, parent, ...row }) => [
            nameOf(row),
            row.version,
            row.createdAt,
            ...SIDES.map((side) => `${counts[side]}`),
            `${dropped}`,
            parent === null ? '-' : `@${parent}`,
          ]),
        ]),
  );
  return EXIT.ok;
}

/** `dataset show VERSION`: what a dataset version consists of and how it came about, without the content of rows. */
export async function showDataset(name: string, options: JsonOption): Promise<number> {
  const { versions, artifacts } = open();
  const version = await findVersion(versions, name);
  const manifest = await readJson<Manifest>(artifacts, version.manifest);
  const files = await filesOf(artifacts, version, manifest);
  printResult(options.json, { ...toJson(version), manifest, files }, () =>
    [
      heading(version, manifest),
      sideTable(manifest),
      ...(manifest.labels ? [labelTable(manifest.labels)] : []),
      ...section('Rows that were odd', verdictLines(manifest.verdicts)),
      ...section('Labels in conflict; nothing was changed', conflictLines(manifest)),
      ...section('Redacted', redactionLines(manifest)),
      ...section('Warnings', manifest.warnings.map(plainLine)),
      ...section('Files', fileLines(files)),
    ].join('\n\n'),
  );
  return EXIT.ok;
}

/** `dataset diff A B`: what changed from one dataset version to another. */
export async function diffDatasets(nameOfA: string, nameOfB: string, options: JsonOption): Promise<number> {
  const { versions, artifacts } = open();
  const [a, b] = [await findVersion(versions, nameOfA), await findVersion(versions, nameOfB)];
  const before = await readJson<Manifest>(artifacts, a.manifest);
  const after = await readJson<Manifest>(artifacts, b.manifest);
  const examples = await diffExamples(artifacts.rows(before.keys), artifacts.rows(after.keys));
  const changes = diffManifests(before, after);
  const instructions = diffTemplates(
    await readJson<PromptTemplate>(artifacts, before.template.ref),
    await readJson<PromptTemplate>(artifacts, after.template.ref),
  );
  const counts = { before: before.counts, after: after.counts };
  printResult(options.json, { before: toJson(a), after: toJson(b), counts, examples, instructions, ...changes }, () =>
    [
      `${nameOf(a)} ${shortHash(a)}  ->  ${nameOf(b)} ${shortHash(b)}`,
      exampleChanges(before, after, examples),
      [
        `${examples.unchanged} unchanged, ${examples.answerChanged} with another answer.`,
        movedText(before, after, examples, changes),
        ...rewritingText(changes, instructions),
      ].join('\n'),
      ...section('Labels', labelChanges(changes.labels)),
      ...section(
        'Rows that were odd',
        changes.verdicts.map((change) => `${plainLine(change.name)}: ${arrow(change)}`),
      ),
      ...section('Instructions', instructionChanges(instructions)),
      ...section(
        'Settings',
        changes.settings.map((change) => `${change.name}: ${plainLine(arrow(change))}`),
      ),
    ].join('\n\n'),
  );
  return EXIT.ok;
}

function open(): { versions: DatasetVersions; artifacts: ArtifactStore } {
  const environment = readEnvironment();
  return { versions: new DatasetVersions(environment.home), artifacts: artifactsOf(environment) };
}

function shortHash({ manifest }: DatasetVersion): string {
  return manifest.sha256.slice(0, VERSION_DIGITS);
}

function nameOf({ pipeline, number }: Pick<DatasetVersion, 'pipeline' | 'number'>): string {
  return `${pipeline}@${number}`;
}

function toJson(version: DatasetVersion): VersionJson {
  const { pipeline, number, createdAt } = version;
  return { pipeline, number, version: shortHash(version), createdAt };
}

/**
 * The version that a person means by `pipeline@number`, `pipeline` (its latest), or the first 6 or more digits of the
 * hash.
 */
async function findVersion(versions: DatasetVersions, name: string): Promise<DatasetVersion> {
  const all = await versions.list();
  const named = all.find((version) => nameOf(version) === name) ?? all.findLast(({ pipeline }) => pipeline === name);
  if (named) return named;
  const hashed = /^[0-9a-f]{6,64}$/.test(name) ? all.filter(({ manifest }) => manifest.sha256.startsWith(name)) : [];
  const [found, another] = hashed;
  if (found && another) {
    throw new TuneloopError('USAGE', `${name} begins the hash of several versions: ${hashed.map(nameOf).join(', ')}`);
  }
  if (found) return found;
  const latest = [...Map.groupBy(all, ({ pipeline }) => pipeline).values()].flatMap((each) => each.slice(-1));
  const there = latest.map((version) => `${nameOf(version)} (${shortHash(version)})`).join(', ');
  throw new TuneloopError(
    'DATASET_NOT_FOUND',
    `there is no dataset version ${name}: ${there ? `the latest are ${there}; \`tuneloop dataset list\` shows all` : 'a run makes the first one'}`,
  );
}

interface StoredFile {
  what: string;
  rows: number;
  bytes: number;
  /** Null if the file is missing or damaged. */
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

async function pathOf(artifacts: ArtifactStore, artifact: ArtifactRef): Promise<string | null> {
  try {
    return await artifacts.file(artifact);
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'ARTIFACT_CORRUPT') return null;
    throw error;
  }
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${line}`)].join('\n')];
}

function heading(
  version: DatasetVersion,
  { parent, source, groups, verdicts, quarantined, template }: Manifest,
): string {
  return [
    `${nameOf(version)}  ${shortHash(version)}`,
    `made ${version.createdAt} ${parent === null ? 'as the first' : `on top of ${nameOf({ ...version, number: parent.number })}`}`,
    `from ${source.rows} rows of ${source.names.map(plainLine).join(', ')}`,
    `${droppedRows(verdicts)} rows left out, ${quarantined} of them quarantined`,
    `${groups.all} groups that stay on one side, ${groups.nearDuplicates} of them with inputs that are alike but not equal`,
    `${template.versions} ${template.versions === 1 ? 'version' : 'versions'} of the instructions`,
  ].join('\n');
}

function sideTable({ counts }: Manifest): string {
  const largest = Math.max(...SIDES.map((side) => counts[side]), 1);
  return withTexts(
    SIDES.map((side) => [side, `${counts[side]}`]),
    SIDES.map((side) => bar(counts[side], largest, '█')),
  );
}

const BARS = { train: '█', validation: '▓', test: '░' } as const satisfies Record<Side, string>;

function labelTable(labels: LabelTable): string {
  const sizeOf = (counts: Record<Side, number>) => SIDES.reduce((sum, side) => sum + counts[side], 0);
  const entries = Object.entries(labels).sort(([, a], [, b]) => sizeOf(b) - sizeOf(a));
  const shown = entries.slice(0, LABELS_SHOWN);
  const largest = Math.max(...shown.map(([, counts]) => sizeOf(counts)), 1);
  const table = withTexts(
    [
      ['label', ...SIDES],
      ...shown.map(([label, counts]) => [labelText(label), ...SIDES.map((side) => `${counts[side]}`)]),
    ],
    [
      SIDES.map((side) => `${BARS[side]} ${side}`).join('  '),
      ...shown.map(([, counts]) => SIDES.map((side) => bar(counts[side], largest, BARS[side])).join('')),
    ],
  );
  return entries.length > shown.length ? `${table}\n${more(entries.length - shown.length, 'labels')}` : table;
}

/** At least one sign for anything over 0. */
function bar(count: number, largest: number, sign: string): string {
  return count === 0 ? '' : sign.repeat(Math.max(1, Math.round((count / largest) * BAR_WIDTH)));
}

/** A table whose last column is text, which stands to the left. */
function withTexts(rows: readonly (readonly string[])[], texts: readonly string[]): string {
  return alignColumns(rows)
    .split('\n')
    .map((line, index) => `${line}  ${texts[index] ?? ''}`.trimEnd())
    .join('\n');
}

function more(count: number, what: string): string {
  return `and ${count} more ${what}: --json has them`;
}

function labelText(label: string): string {
  const line = plainLine(label);
  return line.length > LABEL_LENGTH ? `${line.slice(0, LABEL_LENGTH - 1)}…` : line;
}

const EFFECTS = { drop: 'left out', mend: 'mended', note: 'kept' } as const;

function verdictLines(verdicts: readonly VerdictCount[]): string[] {
  // A version may have been made by a release that named verdicts differently.
  const known: Partial<Record<string, { effect: keyof typeof EFFECTS; what: string }>> = VERDICTS;
  if (verdicts.length === 0) return [];
  return withTexts(
    verdicts.map(({ verdict, rows }) => [plainLine(verdict), `${rows}`]),
    verdicts.map(({ verdict, places }) => {
      const { effect, what } = known[verdict] ?? { effect: 'note', what: 'unknown to this release' };
      return `${EFFECTS[effect]}: ${what} (${placesText(places)})`;
    }),
  ).split('\n');
}

function placesText(places: readonly string[]): string {
  const shown = places.slice(0, PLACES_SHOWN).map(plainLine).join(', ');
  return places.length > PLACES_SHOWN ? `${shown}, ...` : shown;
}

function conflictLines({ conflicts: { groups, shown } }: Manifest): string[] {
  const lines = shown
    .slice(0, CONFLICTS_SHOWN)
    .map(({ completions, places }) => `${completions.map(labelText).join(' | ')}  at ${placesText(places)}`);
  return groups > lines.length ? [...lines, `and ${groups - lines.length} more groups`] : lines;
}

function redactionLines({ redactions }: Manifest): string[] {
  return Object.entries(redactions).map(([type, count]) => `${count} x ${plainLine(type)}`);
}

function fileLines(files: readonly StoredFile[]): string[] {
  return withTexts(
    files.map(({ what, rows }) => [what, `${rows} lines`]),
    files.map(({ path }) => path ?? 'missing, or changed after it was written'),
  ).split('\n');
}

function exampleChanges({ counts: before }: Manifest, { counts: after }: Manifest, changes: ExampleChanges): string {
  return alignColumns([
    ['', 'before', 'after', 'added', 'removed'],
    ...SIDES.map((side) => [
      side,
      `${before[side]}`,
      `${after[side]}`,
      `${changes.added[side]}`,
      `${changes.removed[side]}`,
    ]),
  ]);
}

/** What it means that examples changed sides, which those of one pipeline never do while its seed stays. */
function movedText(before: Manifest, after: Manifest, { moved }: ExampleChanges, { salt }: ManifestChanges): string {
  if (moved === 0) return '0 moved to another side, as it must be.';
  const scores = 'Do not compare scores on one version with scores on the other.';
  if (before.pipeline !== after.pipeline) return `${moved} are on another side, as these are two pipelines. ${scores}`;
  if (salt) return `${moved} moved to another side, because split.seed was changed. ${scores}`;
  return `${moved} MOVED TO ANOTHER SIDE, which must not happen while split.seed stays. ${scores}`;
}

function labelChanges(changes: ManifestChanges['labels']): string[] {
  if (changes.length === 0) return [];
  const shown = changes.slice(0, LABELS_SHOWN);
  const table = alignColumns([
    ['', ...SIDES],
    ...shown.map(({ name, before, after }) => [
      labelText(name),
      ...SIDES.map((side) => (before[side] === after[side] ? `${after[side]}` : `${before[side]} -> ${after[side]}`)),
    ]),
  ]).split('\n');
  return changes.length > shown.length ? [...table, more(changes.length - shown.length, 'labels')] : table;
}

function instructionChanges({ added, removed }: TemplateChanges): string[] {
  return added + removed === 0 ? [] : [`versions of the prompt: ${added} came, ${removed} went`];
}

/** Settings that change inputs, by which examples are known. */
const REWRITING: ReadonlySet<string> = new Set(['clean.redact', 'clean.phone_region']);

function rewritingText({ settings }: ManifestChanges, { added, removed }: TemplateChanges): string[] {
  if (added + removed === 0 && !settings.some(({ name }) => REWRITING.has(name))) return [];
  return [
    'Inputs are cut out or redacted differently: one that changed by it counts as removed and added, and may be on another side.',
  ];
}

function arrow({ before, after }: Change<unknown>): string {
  return `${JSON.stringify(before)} -> ${JSON.stringify(after)}`;
}
