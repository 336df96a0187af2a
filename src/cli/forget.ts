import { artifactsOf } from '../client/runs.ts';
import { readEnvironment } from '../config/environment.ts';
import { plainLine } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';
import type { PlaceKind, RowModel, RowPlace, RowPlaces } from '../lineage/row-places.ts';
import { type RowQuery, searchRow } from '../lineage/row-search.ts';
import { trainerUrlOf } from '../local/services-file.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';

interface ForgetOptions {
  json?: boolean;
  /** Looks for rows by an input that is written like theirs, instead of an id. */
  input?: string;
}

const PROGRESS_MS = 2000;

/**
 * `forget ID`: lists everything that holds a row, and what to do about it. It deletes nothing, prints nothing of the row,
 * and needs no server.
 *
 * @throws TuneloopError USAGE unless there is either an id or an input.
 */
export async function forget(id: string | undefined, { json, input }: ForgetOptions): Promise<number> {
  const query = queryOf(id, input);
  const environment = readEnvironment();
  const { home } = environment;
  const progress = { files: 0, file: home };
  const timer = setInterval(() => {
    say(`looked into ${progress.files} files, now ${plainLine(progress.file)}`);
  }, PROGRESS_MS);
  const found = await searchRow({ home, artifacts: artifactsOf(environment) }, query, {
    trainerUrl: trainerUrlOf(environment),
    onFile: (file) => {
      progress.files += 1;
      progress.file = file;
    },
  }).finally(() => clearInterval(timer));
  const advice = adviceFor(found);
  printResult(json, { ...found, advice }, () => textOf(found, advice));
  return EXIT.ok;
}

function queryOf(id = '', input = ''): RowQuery {
  if (id !== '' && input === '') return { id };
  if (id === '' && input.trim() !== '') return { input };
  throw new TuneloopError('USAGE', 'forget takes either the id of a row, or --input with the text of its input');
}

/** What a kind of place is, and what to do about it. */
const KINDS: Record<PlaceKind, { title: string; advice: string }> = {
  log: {
    title: 'Log',
    advice:
      'Remove the lines from the log. The next run reads a log that was rewritten anew, so that its snapshot is without them.',
  },
  'later-answers': { title: 'Later answers', advice: 'Remove the lines from the file of later answers.' },
  'test-file': { title: 'Test file', advice: 'Remove the lines from the test file.' },
  snapshot: {
    title: 'Snapshots, with rows that were left out later',
    advice:
      'Remove the file once a new dataset version has been made without the row; versions that name it cannot be built upon any more.',
  },
  'snapshot-answers': {
    title: 'Snapshots: later answers',
    advice: 'As with snapshots: remove the file after the next version.',
  },
  examples: {
    title: 'Dataset versions',
    advice:
      'Remove the file once no run needs the version: reports and models stay, and comparisons on it cannot be repeated.',
  },
  'training-file': {
    title: 'Training files',
    advice: 'Remove the file here, and delete the file of the same name at the provider (DELETE /v1/files/ID).',
  },
  prediction: {
    title: 'Answers of models in evaluations',
    advice: 'Remove the file: nothing needs it after its run has ended.',
  },
  scores: { title: 'Scores by row', advice: 'Remove the file, or the line; `tuneloop compare` needs it.' },
  report: { title: 'Reports, with excerpts', advice: 'Remove the files, or the whole folder of the run.' },
  labelling: { title: 'Labelling', advice: 'Remove the lines from the file once no `tuneloop label` runs.' },
  sheet: {
    title: 'Sheets for people',
    advice: 'Remove the file once its answers are imported, and the copies that were handed out.',
  },
  'cached-answer': { title: 'Cached answers', advice: 'Remove the file: its answers are asked for, and paid, again.' },
  key: {
    title: 'Hashes of the input',
    advice:
      'A hash says that an input was there to those only who have it. It leaves with a change of split.seed and the old versions.',
  },
  leftover: { title: 'Left behind', advice: 'Remove the file: something was cut off while it wrote it.' },
};

const MODEL_ADVICE =
  'A model cannot unlearn a row: retrain without it, promote the new model, then delete the old ones at the provider (DELETE /v1/models/MODEL) and the files of their jobs.';
const SHEET_NOTE =
  'Sheets are looked for beside the logs and in this folder only; copies, backups and what other programs keep are not known here.';
const CACHE_NOTE =
  'Cached answers carry a hash of what was asked, and neither id nor prompt: those of another address, a judge, or a model that no report names cannot be told. To be sure, remove the whole folder `completions`.';

function adviceFor({ places, models }: RowPlaces): string[] {
  const kinds = new Set(places.map(({ kind }) => kind));
  const advice = [...kinds].map((kind) => `${KINDS[kind].title}: ${KINDS[kind].advice}`);
  return [...advice, ...(models.length > 0 ? [`Models: ${MODEL_ADVICE}`] : [])];
}

const LINES_SHOWN = 10;

function textOf({ ids, places, models, notes }: RowPlaces, advice: readonly string[]): string {
  const rows = ids.length === 1 ? `row ${JSON.stringify(ids[0])}` : `${ids.length} rows`;
  const kinds = Map.groupBy(places, ({ kind }) => kind);
  return [
    places.length === 0
      ? `Nothing here holds ${ids.length === 0 ? 'such a row' : rows}.`
      : `${places.length} files hold ${ids.length === 0 ? 'a hash of this input' : rows}. Nothing was deleted.`,
    ...section('Rows', ids.length > 1 ? ids.map((id) => JSON.stringify(id)) : []),
    ...[...kinds].flatMap(([kind, found]) => section(KINDS[kind].title, found.map(placeText))),
    ...section('Models', models.map(modelText)),
    ...section('What to do', advice),
    ...section('Not known', [...notes, CACHE_NOTE, SHEET_NOTE]),
  ].join('\n\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${plainLine(line)}`)].join('\n')];
}

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
