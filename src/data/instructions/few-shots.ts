import { LABEL } from '@tuneloop/app/internal/prompt/constant-examples';
import { agreed } from './affixes.ts';

/** Texts that examples were put into for each request, in three parts. */
export interface FewShotSplit {
  /** The text before the examples. */
  heads: string[];
  shots: string[];
  /** The rest, from the white space before the label of the input on. */
  tails: string[];
}

const FEWEST_TEXTS = 5;
const SAMPLE = 300;
/** Share of the rows whose labels must be those of examples and an input. */
const CONSISTENT = 0.9;
/** Share of the rows that must hold at least one example. */
const WITH_SHOTS = 0.5;
/** Examples of a pool come up repeatedly, and so do their answers if they are classes. */
const MOST_DIFFERENT_SHOTS = 0.7;
const MOST_DIFFERENT_ANSWERS = 0.5;

/**
 * Finds examples that differ between the requests, and the input behind them, by labels such as `Message: `: the label of the input stands
 * once more often than that of the answer. A conversation looks the same, but for the blank lines between examples, or examples and answers
 * that come up repeatedly: without these the whole text stays the input.
 *
 * @param texts distinct
 */
export function splitFewShots(texts: readonly string[], quorum: number): FewShotSplit | undefined {
  if (texts.length < FEWEST_TEXTS) return undefined;
  const start = regionStart(agreed(texts, quorum, 'start'));
  const end = agreed(texts, quorum, 'end');
  const framed = texts.filter((text) => text.length >= start + end.length);
  return splitAtLabels(framed, start, end.length) ?? splitAtLines(framed, start, end);
}

const BARE_LABEL = /^[ \t]*(?:<[A-Za-z][\w-]*>|\[[A-Z][A-Z_ ]+\]|[#>*_-]*[ \t]*\p{L}[^\n:]{0,40}:[*_]*)?[ \t]*$/u;

/** The first line of those at the end of a common beginning that hold nothing but labels: the first example begins there. */
function regionStart(common: string): number {
  let start = common.lastIndexOf('\n') + 1;
  while (start > 0) {
    const line = common.lastIndexOf('\n', start - 2) + 1;
    if (!BARE_LABEL.test(common.slice(line, start - 1)) || line === start) break;
    start = line;
  }
  return start;
}

interface Label {
  count: number;
  first: number;
  last: number;
}

function labelsOf(text: string, start: number, end: number): Map<string, Label> {
  const labels = new Map<string, Label>();
  const region = text.slice(start, text.length - end);
  for (const { 0: key, index } of region.matchAll(LABEL)) {
    const label = labels.get(key);
    const at = start + index;
    if (label) {
      label.count += 1;
      label.last = at;
    } else labels.set(key, { count: 1, first: at, last: at });
  }
  return labels;
}

function splitAtLabels(texts: readonly string[], start: number, end: number): FewShotSplit | undefined {
  const rows = texts.slice(0, SAMPLE).map((text) => labelsOf(text, start, end));
  const counts = new Map<string, number>();
  for (const labels of rows) for (const key of labels.keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
  const frequent = [...counts].filter(([, count]) => count >= rows.length * WITH_SHOTS).map(([key]) => key);
  const most = rows.map((labels) => Math.max(0, ...frequent.map((key) => labels.get(key)?.count ?? 0)));
  const isMostly = (key: string, missing: number) => {
    return (
      rows.filter((labels, row) => (labels.get(key)?.count ?? 0) === (most[row] ?? 0) - missing).length >=
      rows.length * CONSISTENT
    );
  };
  const ofInput = frequent.filter((key) => isMostly(key, 0));
  const ofAnswer = frequent.filter((key) => isMostly(key, 1));
  if (most.filter((count) => count > 1).length < rows.length * WITH_SHOTS) return undefined;
  const [inputLabel] = ofInput.toSorted(
    (a, b) => median(rows, a, 'last') - median(rows, b, 'last') || (a < b ? -1 : 1),
  );
  if (inputLabel === undefined || ofAnswer.length === 0) return undefined;
  const opening = [...ofInput, ...ofAnswer];
  const split: FewShotSplit = { heads: [], shots: [], tails: [] };
  for (const text of texts) {
    const labels = labelsOf(text, start, end);
    const last = labels.get(inputLabel)?.last;
    if (last === undefined) continue;
    const first = Math.min(last, ...opening.map((key) => labels.get(key)?.first ?? last));
    addSplit(split, text, withSpaceBefore(text, first), withSpaceBefore(text, last));
  }
  const answers = split.shots.flatMap((shot) => ofAnswer.flatMap((key) => answersIn(shot, key)));
  return isApart(split, ofAnswer) || comeUpAgain(split, inputLabel, answers) ? split : undefined;
}

/** Whether blank lines stand between examples, and none between an input and its answer. */
function isApart({ shots, tails }: FewShotSplit, ofAnswer: readonly string[]): boolean {
  const blank = tails.filter((tail) => /^[ \t\r]*\n[ \t\r]*\n/.test(tail)).length;
  const inner = shots.filter((shot) => ofAnswer.some((key) => shot.includes(`\n\n${key}`))).length;
  return blank >= tails.length * CONSISTENT && inner <= shots.length * (1 - CONSISTENT);
}

function median(rows: readonly Map<string, Label>[], key: string, end: 'first' | 'last'): number {
  const places = rows.flatMap((labels) => labels.get(key)?.[end] ?? []).sort((a, b) => a - b);
  return places[Math.floor(places.length / 2)] ?? 0;
}

/** Where the line ends begin that stand before a place; spaces before them belong to the line that ends. */
function withSpaceBefore(text: string, at: number): number {
  const end = text.slice(0, at).trimEnd().length;
  const line = text.slice(end, at).search(/\r?\n/);
  return line === -1 ? at : end + line;
}

function addSplit(split: FewShotSplit, text: string, first: number, last: number): void {
  split.heads.push(text.slice(0, first));
  split.shots.push(text.slice(first, last));
  split.tails.push(text.slice(last));
}

function answersIn(shot: string, key: string): string[] {
  return shot
    .split(`\n${key}`)
    .slice(1)
    .map((rest) => rest.split('\n', 1)[0] ?? '');
}

function comeUpAgain({ shots }: FewShotSplit, inputLabel: string, answers: readonly string[]): boolean {
  const examples = shots
    .flatMap((shot) => shot.split(`\n${inputLabel}`).map((example) => example.trim()))
    .filter((example) => example !== '');
  return differ(examples) <= MOST_DIFFERENT_SHOTS || differ(answers) <= MOST_DIFFERENT_ANSWERS;
}

function differ(values: readonly string[]): number {
  return values.length === 0 ? 1 : new Set(values).size / values.length;
}

/** Examples on a line each, such as `red wheel => bike`, and the input on the last line. */
function splitAtLines(texts: readonly string[], start: number, end: string): FewShotSplit | undefined {
  const separator = /^[ \t]+(?:[-=~]*>|[→⇒|])/u.exec(end)?.[0] ?? '';
  if (separator.trim() === '') return undefined;
  const split: FewShotSplit = { heads: [], shots: [], tails: [] };
  for (const text of texts) {
    const last = text.lastIndexOf('\n', text.length - end.length - 1);
    const lines = text.slice(start, Math.max(start, last)).split('\n');
    const from = lines.findIndex((line) => line.includes(separator));
    if (
      last < start ||
      from === -1 ||
      lines.slice(from).some((line) => line.trim() !== '' && !line.includes(separator))
    )
      continue;
    const first = start + lines.slice(0, from).reduce((sum, line) => sum + line.length + 1, 0);
    addSplit(split, text, withSpaceBefore(text, first), withSpaceBefore(text, last + 1));
  }
  const { shots } = split;
  return shots.length >= texts.length * CONSISTENT && differ(shots) > 0 ? split : undefined;
}
