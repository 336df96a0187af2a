import { TuneloopError } from '../../errors.ts';
import type { Source } from '../../sources/source.ts';
import { ActualsFile, type GivenAnswer } from './actuals-file.ts';
import { answerOf } from './labelling-log.ts';
import type { Correction } from './sheet.ts';

/** The result of importing a sheet. */
export interface TakenCorrections {
  /** Rows that no one had checked, or only a model. */
  added: number;
  /** Rows whose answer by the same person was known already; nothing was written for them. */
  unchanged: number;
  /** Rows that had another right answer before; the new one counts. */
  conflicting: number;
  /** Lines of the sheet with a label that no row of the log has: mistyped, or new. */
  newLabels: number[];
}

export interface TakeOptions {
  /** The name of the sheet, for messages. */
  name: string;
  /** The person who has filled it in, such as `person:ana`. */
  by: string;
  /** Whether answers are labels. */
  classification: boolean;
  /** Whether labels that the log does not have are taken too. */
  accept: boolean;
  /** The labels of the pipeline file; those of the log count where it has none. */
  allowed: readonly string[];
  actualsFile: string;
  now: Date;
  signal: AbortSignal;
}

const LINES_SHOWN = 20;

/**
 * Adds the answers of people to the file of right answers, all of them or none.
 *
 * @throws TuneloopError USAGE with the lines whose id the log does not have, that give one row two answers, or whose label is unknown.
 */
export async function takeCorrections(
  source: Source,
  corrections: readonly Correction[],
  { name, by, classification, accept, allowed, actualsFile, now, signal }: TakeOptions,
): Promise<TakenCorrections> {
  const wanted = byId(corrections, name);
  const { known, labels: ofLog } = await lookUp(source, wanted, signal);
  const labels = allowed.length > 0 ? new Set(allowed) : ofLog;
  const unknown = corrections.filter(({ id }) => !known.has(id)).map(({ line }) => line);
  if (unknown.length > 0) throw unknownRows(name, unknown);

  const actuals = await ActualsFile.open(actualsFile);
  const taken: TakenCorrections = { added: 0, unchanged: 0, conflicting: 0, newLabels: [] };
  const answers: GivenAnswer[] = [];
  for (const { id, line, actual: text } of wanted.values()) {
    const actual = classification ? text.trim() : text;
    if (classification && labels.size > 0 && !labels.has(actual)) taken.newLabels.push(line);
    const before = actuals.answers.get(id) ?? known.get(id);
    if (before?.actual === actual && before.by === by) taken.unchanged += 1;
    else {
      if (before && before.actual !== actual) taken.conflicting += 1;
      else taken.added += 1;
      answers.push({ id, actual, by, timestamp: now.toISOString() });
    }
  }
  if (taken.newLabels.length > 0 && !accept) throw unknownLabels(name, taken.newLabels, wanted, labels);
  await actuals.append(answers);
  return taken;
}

function byId(corrections: readonly Correction[], name: string): Map<string, Correction> {
  const wanted = new Map<string, Correction>();
  for (const correction of corrections) {
    const other = wanted.get(correction.id);
    if (other && other.actual.trim() !== correction.actual.trim()) {
      throw new TuneloopError(
        'USAGE',
        `${name}:${correction.line}: gives the row of line ${other.line} another answer: leave one of them. Nothing was imported`,
      );
    }
    wanted.set(correction.id, other ?? correction);
  }
  return wanted;
}

/** The checked answers of the log for the wanted rows, null where it has none, and all its labels. */
async function lookUp(
  source: Source,
  wanted: ReadonlyMap<string, Correction>,
  signal: AbortSignal,
): Promise<{ known: Map<string, { actual: string; by: string | undefined } | null>; labels: ReadonlySet<string> }> {
  const known = new Map<string, { actual: string; by: string | undefined } | null>();
  const labels = new Set<string>();
  const { items } = await source.read(null, signal);
  for await (const item of items) {
    signal.throwIfAborted();
    if (item.kind !== 'row') {
      if (item.kind === 'actual' && item.actual.actual !== undefined) labels.add(item.actual.actual.trim());
      continue;
    }
    const answer = answerOf({ row: item.row, later: [] });
    if (answer) labels.add(answer.text.trim());
    if (wanted.has(item.row.id)) {
      known.set(item.row.id, answer?.checked ? { actual: answer.text, by: answer.by } : null);
    }
  }
  return { known, labels };
}

function unknownLabels(
  name: string,
  lines: readonly number[],
  wanted: ReadonlyMap<string, Correction>,
  labels: ReadonlySet<string>,
): TuneloopError {
  const cells = [...wanted.values()].filter(({ line }) => lines.includes(line)).slice(0, LINES_SHOWN);
  const dates = cells.filter(({ actual }) => SPREADSHEET_DATE.test(actual.trim())).length;
  const known = [...labels].slice(0, LINES_SHOWN).join(', ');
  return new TuneloopError(
    'USAGE',
    `${name}: no row has the label of line ${cells.map(({ line }) => line).join(', ')}${lines.length > cells.length ? ` and ${lines.length - cells.length} more` : ''}. ` +
      `Labels are: ${known}. ` +
      (dates > 0
        ? 'Some cells look like dates that a spreadsheet has made of a label: format the column as text. '
        : '') +
      'Correct them, or take them with --accept. Nothing was imported',
  );
}

/** "02. Jan", "5-Mar", "2026-01-02". */
const SPREADSHEET_DATE =
  /^(?:\d{1,2}[. -]{1,2}\p{L}{3,}\.?|\p{L}{3,}[. -]{1,2}\d{1,2}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})$/u;

function unknownRows(name: string, lines: readonly number[]): TuneloopError {
  const shown = lines.slice(0, LINES_SHOWN).join(', ');
  const more = lines.length > LINES_SHOWN ? ` and ${lines.length - LINES_SHOWN} more` : '';
  return new TuneloopError(
    'USAGE',
    `${name}: the log has no row with the id of line ${shown}${more}: ids must stay as they were exported, and spreadsheets ` +
      'change long numbers unless their column is text. Nothing was imported',
  );
}
