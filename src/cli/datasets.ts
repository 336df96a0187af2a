import type { DatasetDiff, ShownDataset, StoredFile } from '../client/datasets.ts';
import { ISSUES, type IssueCount } from '../core/dataset/issue.ts';
import type { LabelTable, Manifest } from '../core/dataset/manifest.ts';
import { SIDES, type Side } from '../core/dataset/side.ts';
import { plainLine } from '../core/text/format.ts';
import { droppedRows } from '../data/split/manifest.ts';
import type { Change, ManifestChanges, TemplateChanges } from '../data/split/version-diff.ts';
import { versionName } from '../stores/dataset-versions.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';
import { withTuneloop } from './session.ts';

interface JsonOption {
  json?: boolean;
}

const BAR_WIDTH = 30;
const LABELS_SHOWN = 30;
const CONFLICTS_SHOWN = 10;
const PLACES_SHOWN = 3;
const LABEL_LENGTH = 50;

/** `dataset list [PIPELINE]`: the dataset versions, by pipeline and number. */
export function listDatasets(pipeline: string | undefined, options: JsonOption): Promise<number> {
  return withTuneloop(async ({ datasets }) => {
    const rows = await datasets.list(pipeline);
    printResult(options.json, rows, () =>
      rows.length === 0
        ? 'There is no dataset version yet: a run makes one.'
        : alignColumns([
            ['dataset', 'version', 'created', ...SIDES, 'dropped', 'parent'],
            ...rows.map(({ counts, dropped, parent, ...row }) => [
              versionName(row),
              row.version,
              row.createdAt,
              ...SIDES.map((side) => `${counts[side]}`),
              `${dropped}`,
              parent === null ? '-' : `@${parent}`,
            ]),
          ]),
    );
    return EXIT.ok;
  });
}

/** `dataset show VERSION`: the contents and the origin of a dataset version, without the text of rows. */
export function showDataset(name: string, options: JsonOption): Promise<number> {
  return withTuneloop(async ({ datasets }) => {
    const shown = await datasets.get(name);
    const { manifest, files } = shown;
    printResult(options.json, shown, () =>
      [
        heading(shown),
        sideTable(manifest),
        ...(manifest.labels ? [labelTable(manifest.labels)] : []),
        ...section('Rows that were odd', issueLines(manifest.verdicts)),
        ...section('Labels in conflict; nothing was changed', conflictLines(manifest)),
        ...section('Redacted', redactionLines(manifest)),
        ...section('Warnings', manifest.warnings.map(plainLine)),
        ...section('Files', fileLines(files)),
      ].join('\n\n'),
    );
    return EXIT.ok;
  });
}

/** `dataset diff A B`: the changes from one dataset version to another. */
export function diffDatasets(nameOfA: string, nameOfB: string, options: JsonOption): Promise<number> {
  return withTuneloop(async ({ datasets }) => {
    const diff = await datasets.diff(nameOfA, nameOfB);
    const { before, after, examples, instructions } = diff;
    printResult(options.json, diff, () =>
      [
        `${versionName(before)} ${before.version}  ->  ${versionName(after)} ${after.version}`,
        exampleChanges(diff),
        [
          `${examples.unchanged} unchanged, ${examples.answerChanged} with another answer.`,
          movedText(diff),
          ...rewritingText(diff),
        ].join('\n'),
        ...section('Labels', labelChanges(diff.labels)),
        ...section(
          'Rows that were odd',
          diff.verdicts.map((change) => `${plainLine(change.name)}: ${arrow(change)}`),
        ),
        ...section('Instructions', instructionChanges(instructions)),
        ...section(
          'Settings',
          diff.settings.map((change) => `${change.name}: ${plainLine(arrow(change))}`),
        ),
      ].join('\n\n'),
    );
    return EXIT.ok;
  });
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${line}`)].join('\n')];
}

function heading({ manifest, ...version }: ShownDataset): string {
  const { parent, source, groups, verdicts, quarantined, template } = manifest;
  return [
    `${versionName(version)}  ${version.version}`,
    `made ${version.createdAt} ${parent === null ? 'as the first' : `on top of ${versionName({ ...version, number: parent.number })}`}`,
    `from ${source.rows} rows of ${source.names.map(plainLine).join(', ')}`,
    `${droppedRows(verdicts)} rows left out, ${quarantined} of them quarantined`,
    `${groups.all} groups that stay on one side, ${groups.nearDuplicates} of them with inputs that are similar but not equal`,
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

function issueLines(issues: readonly IssueCount[]): string[] {
  // A version may have been made by a release with other names of issues.
  const known: Partial<Record<string, { effect: keyof typeof EFFECTS; what: string }>> = ISSUES;
  if (issues.length === 0) return [];
  return withTexts(
    issues.map(({ verdict: issue, rows }) => [plainLine(issue), `${rows}`]),
    issues.map(({ verdict: issue, places }) => {
      const { effect, what } = known[issue] ?? { effect: 'note', what: 'unknown to this release' };
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
    files.map(({ path }) => path ?? 'missing, erased, or changed after it was written'),
  ).split('\n');
}

function exampleChanges({ counts: { before, after }, examples: changes }: DatasetDiff): string {
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

/** Explains examples that changed sides, which never happens within a pipeline while its seed stays. */
function movedText({ before, after, examples: { moved }, salt }: DatasetDiff): string {
  if (moved === 0) return '0 moved to another side, as it must be.';
  const scores = 'Do not compare scores on one version with scores on the other.';
  if (before.pipeline !== after.pipeline)
    return `${moved} are on another side, because these are two pipelines. ${scores}`;
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

function rewritingText({ settings, instructions: { added, removed } }: DatasetDiff): string[] {
  if (added + removed === 0 && !settings.some(({ name }) => REWRITING.has(name))) return [];
  return [
    'Inputs are cut out or redacted differently: an input that this changes counts as removed and added, and may be on another side.',
  ];
}

function arrow({ before, after }: Change<unknown>): string {
  return `${JSON.stringify(before)} -> ${JSON.stringify(after)}`;
}
