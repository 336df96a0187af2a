import { plainLine } from '../core/text/format.ts';
import type { RowErasure } from '../lineage/row-erasure.ts';
import type { PlaceKind, RowModel, RowPlace, RowPlaces } from '../lineage/row-places.ts';
import type { ProviderItem } from '../stores/erased-rows.ts';

/** The description of a kind of place, the effect of `--yes` on it in the home, and the options of its owner outside of it. */
const KINDS: Record<PlaceKind, { title: string; erased: string; yours?: string }> = {
  log: {
    title: 'Log',
    erased: 'The line is overwritten with spaces, so that no other line moves.',
    yours: 'The log is yours: remove the lines. Even if it keeps them, no later dataset version takes the row from it.',
  },
  'later-answers': {
    title: 'Later answers',
    erased: 'The line is overwritten with spaces.',
    yours: 'The file is yours: remove the lines.',
  },
  'test-file': {
    title: 'Test file',
    erased: 'The line is overwritten with spaces.',
    yours: 'The file is yours: remove the lines.',
  },
  snapshot: {
    title: 'Snapshots, with rows that were left out later',
    erased: 'Written anew without the row; readers of the old file are led to the new one.',
  },
  'snapshot-answers': { title: 'Snapshots: later answers', erased: 'Written anew without the row.' },
  examples: {
    title: 'Dataset versions',
    erased: 'Written anew without the row, and the next version is made without it. Figures of old versions stay.',
  },
  'training-file': {
    title: 'Training files',
    erased: 'Removed. The old version can no longer train a model: a new run uses the new one.',
  },
  prediction: {
    title: 'Answers of models in evaluations',
    erased: 'Removed, because nothing needs them after their run.',
  },
  scores: { title: 'Scores by row', erased: 'Written anew without the line.' },
  report: { title: 'Reports, with excerpts', erased: 'Written anew without the excerpts of the row.' },
  labelling: { title: 'Labelling', erased: 'Written anew without the lines.' },
  sheet: {
    title: 'Sheets for people',
    erased: 'Written anew without the row.',
    yours: 'The sheet is yours: remove the row once its answers are imported, also from copies that were handed out.',
  },
  'cached-answer': {
    title: 'Cached answers',
    erased: 'The line is overwritten with spaces; the answer is asked for, and paid, again.',
  },
  key: {
    title: 'Hashes of the input',
    erased: 'Written anew without the hash, unless another row has the same input.',
  },
  leftover: { title: 'Left behind', erased: 'Removed: an interrupted process left it.' },
};

const MODEL_ADVICE =
  'A model cannot unlearn a row: run the pipeline again, promote the new model, then delete the old one with --yes --at-provider.';
const SHEET_NOTE =
  'The search covers sheets beside the logs and in this folder only; copies, backups and files of other programs are unknown here.';
const CACHE_NOTE =
  'Cached answers carry a hash of the request, and neither id nor prompt: answers from another address, a judge, or a model that no report names cannot be recognised. To be sure, remove the whole folder `completions`.';

/** The effect of `--yes`, by kind of place. */
export function adviceFor({ places, models }: RowPlaces): string[] {
  const advice = new Set(
    places.map(({ kind, action }) => {
      const { title, erased, yours } = KINDS[kind];
      return `${title}: ${action === 'none' ? (yours ?? 'The file is outside of the home folder: remove the lines.') : erased}`;
    }),
  );
  return [...advice, ...(models.length > 0 ? [`Models: ${MODEL_ADVICE}`] : [])];
}

/** The list of places that hold a row. */
export function placesText(found: RowPlaces, advice: readonly string[]): string {
  const { places, ids, models, atProvider, notes } = found;
  return [
    places.length === 0
      ? `Nothing here holds ${ids.length === 0 ? 'such a row' : rowsText(ids)}.`
      : `${places.length} files hold ${ids.length === 0 ? 'a hash of this input' : rowsText(ids)}. Nothing was deleted.`,
    ...section('Rows', ids.length > 1 ? ids.map((id) => JSON.stringify(id)) : []),
    ...placeSections(places),
    ...section('Models', models.map(modelText)),
    ...section('At the provider', atProvider.map(itemText)),
    ...section('Effect of --yes', advice),
    ...section('Not known', [...notes, CACHE_NOTE, SHEET_NOTE]),
  ].join('\n\n');
}

/** The erased places, and the remaining ones. */
export function erasureText(erasure: RowErasure, atProvider: boolean): string {
  const { places, ids, models, versions, deleted, left, notes } = erasure;
  const erased = places.filter(({ action }) => action !== 'none');
  const yours = places.filter(({ action }) => action === 'none');
  const rows = ids.length === 0 ? 'such a row' : rowsText(ids);
  return [
    erased.length === 0
      ? `Nothing in the home folder holds ${rows}.`
      : `Erased ${rows} from ${erased.length} files of the home folder.`,
    ...section('Dataset versions made without it', versions),
    ...placeSections(erased),
    ...section('Yours: not touched', yours.map(placeText)),
    ...section('Deleted at the provider', deleted.map(itemText)),
    ...section(
      'Left at the provider',
      left.map(({ item, why }) => `${itemText(item)}${atProvider ? `: ${why}` : ''}`),
    ),
    ...section('What to do', [
      ...(yours.length > 0 ? [...new Set(yours.map(({ kind }) => `${KINDS[kind].title}: ${KINDS[kind].yours}`))] : []),
      ...(left.length > 0 && !atProvider ? ['Add --at-provider to delete the items left at the provider.'] : []),
      ...(models.some(({ serves }) => serves.length > 0) ? [MODEL_ADVICE] : []),
    ]),
    ...section('Not known', [...notes, CACHE_NOTE, SHEET_NOTE]),
  ].join('\n\n');
}

function rowsText(ids: readonly string[]): string {
  return ids.length === 1 ? `row ${JSON.stringify(ids[0])}` : `${ids.length} rows`;
}

function placeSections(places: readonly RowPlace[]): string[] {
  const kinds = Map.groupBy(places, ({ kind }) => kind);
  return [...kinds].flatMap(([kind, found]) => section(KINDS[kind].title, found.map(placeText)));
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${plainLine(line)}`)].join('\n')];
}

const LINES_SHOWN = 10;

function placeText({ file, of, lines, count }: RowPlace): string {
  const shown = lines.slice(0, LINES_SHOWN).join(', ');
  const more = count > LINES_SHOWN ? ` and ${count - LINES_SHOWN} more` : '';
  return `${file}${lines.length > 0 ? `:${shown}${more}` : ''}${of.length > 0 ? ` (${of.join('; ')})` : ''}`;
}

function modelText({ model, contender, run, jobId, dataset, use, serves }: RowModel): string {
  const roles = serves.map(({ deployment, as }) => `, ${as.toUpperCase()} of ${deployment}`).join('');
  const how = use === 'trained' ? 'trained on it' : 'validated by it';
  const job = jobId === null ? '' : `, job ${jobId}`;
  return `${model ?? 'no model'}${roles}: ${how}, ${contender} of ${run} on ${dataset}${job}`;
}

/** With the call that deletes it. */
function itemText({ kind, name, provider }: ProviderItem): string {
  const where = typeof provider === 'string' ? provider : provider.baseURL;
  const call = kind === 'file' ? 'DELETE /v1/files/ID of the file of this name' : `DELETE /v1/models/${name}`;
  return `${name} at ${where} (${call})`;
}
