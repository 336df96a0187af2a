import { fits, type TextPattern } from '@tuneloop/app/internal/prompt/text-pattern';
import { agreed, countProse, findAffixes, isLabelled } from './affixes.ts';
import { dateAround, isDate, isToken } from './machine-text.ts';

/**
 * The author of a text. `instructions`: the prompt's author wrote all but a few changing words. `fields`: the author wrote the labels, but
 * not the values. `anyone`: the author's part has to be found.
 */
export type Author = 'instructions' | 'fields' | 'anyone';

/** A run of at least this many words is prose by the prompt's author. */
const PROSE_WORDS = 4;
const PROSE_TEXTS = 5;
/** This many texts show where constant text may stand between slots; the result is then tried on all of them. */
const SAMPLE = 100;
/** Of long texts fewer are taken, and a shorter part of each is searched for in the others, so that time is bounded. */
const FEWEST_SAMPLED = 20;
const SAMPLED_UNITS = 400_000;
const MOST_WORK = 400_000_000;
const CUT_SAMPLE = 500;
/** A text in which constant text is looked for: short ones hold little else. */
const LEADERS = [0, 0.1, 0.3];
const MOST_TOKENS = 2000;
const MOST_RUNS = 60;
const MOST_ANCHORS = 12;
/** Share of the values of a slot that must be dates, or tokens, for it to be cut as one. */
const MACHINE_SHARE = 0.9;
/** Mean length of the changing words in a text of the prompt's author, such as a name or a date. */
const SHORT_VALUE = 40;

/**
 * Finds the constant parts of texts: their beginning and end, and all text that stands exactly once in between in a share `quorum` of them,
 * in the same order. Text between two inputs is taken for a part of the prompt only where it is prose, or a label, heading or tag on its
 * own line after prose: labels within inputs belong to them.
 *
 * @param texts distinct
 */
export function findPattern(texts: readonly string[], quorum: number, author: Author = 'anyone'): TextPattern {
  const [only] = texts;
  const isProse = texts.length >= PROSE_TEXTS;
  if (only !== undefined && texts.length === 1 && author === 'instructions') return { literals: [only] };
  const { prefix, suffix } = findAffixes(texts, quorum, isProse);
  const around: TextPattern = { literals: [prefix, suffix] };
  if (texts.length < (author === 'instructions' ? 2 : PROSE_TEXTS)) return around;
  const raw = rawLiterals(texts, quorum);
  if (raw.bodies.length < 2) return around;
  // In an order of their own, so that the order of the texts makes no difference.
  const rows = [...new Set(raw.bodies)].sort();
  const anchors = findAnchors(rows, quorum, author);
  if (anchors.length === 0 && author === 'anyone') return around;
  const cut = cutLiterals([raw.start, ...anchors, raw.end], rows, author, isProse);
  const pattern = cut && { literals: cut };
  if (!pattern || (author !== 'instructions' && pattern.literals.length === 2)) return around;
  return texts.filter((text) => fits(pattern, text)).length >= least(texts, quorum) ? pattern : around;
}

/** The common beginning and end, unchanged, and the bodies between them of the texts that have both. */
function rawLiterals(texts: readonly string[], quorum: number): { start: string; end: string; bodies: string[] } {
  const start = agreed(texts, quorum, 'start');
  const rests = texts.filter((text) => text.startsWith(start)).map((text) => text.slice(start.length));
  const end = agreed(rests, quorum, 'end');
  const bodies = rests.filter((rest) => rest.endsWith(end)).map((rest) => rest.slice(0, rest.length - end.length));
  return { start, end, bodies };
}

const TOKEN = /[\p{L}\p{M}\p{N}_]+|\n|[^\S\n]+|[^\s\p{L}\p{M}\p{N}_]/gu;

/** Runs of tokens that stand exactly once in nearly all bodies, in constant order. */
function findAnchors(bodies: readonly string[], quorum: number, author: Author): string[] {
  const units = bodies.reduce((sum, { length }) => sum + length, 0);
  const sample = spread(bodies, Math.max(FEWEST_SAMPLED, Math.min(SAMPLE, (SAMPLED_UNITS * bodies.length) / units)));
  const byLength = sample.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const found = LEADERS.map((share) => {
    const leader = byLength[Math.floor(share * byLength.length)] ?? '';
    return chainOf(commonRuns(leader, sample, quorum, author), bodies, quorum);
  });
  return found.reduce((best, chain) => (weight(chain) > weight(best) ? chain : best), []);
}

function weight(chain: readonly string[]): number {
  return chain.reduce((sum, run) => sum + run.length, 0);
}

interface Run {
  text: string;
  start: number;
  end: number;
}

/** The longest runs of a leader's tokens that nearly all texts hold, and hold once. */
function commonRuns(leader: string, texts: readonly string[], quorum: number, author: Author): Run[] {
  const units = texts.reduce((sum, { length }) => sum + length, 0);
  const tokens = [...leader.matchAll(TOKEN)].slice(0, Math.min(MOST_TOKENS, MOST_WORK / units));
  const offsets = [...tokens.map(({ index }) => index), (tokens.at(-1)?.index ?? 0) + (tokens.at(-1)?.[0].length ?? 0)];
  const needed = least(texts, quorum);
  const runs: Run[] = [];
  let last = 0;
  for (let first = 0, next = 0; first < tokens.length; first += 1) {
    next = Math.max(next, first);
    let holding = next > first ? textsWith(texts, leader.slice(offsets[first], offsets[next])) : texts;
    while (next < tokens.length) {
      const longer = textsWith(holding, leader.slice(offsets[first], offsets[next + 1]));
      if (longer.length < needed) break;
      holding = longer;
      next += 1;
    }
    if (next <= last) continue;
    last = next;
    const [start = 0, end = 0] = [offsets[first], offsets[next]];
    const text = leader.slice(start, end);
    const once = holding.filter((each) => each.indexOf(text) === each.lastIndexOf(text)).length;
    if (once >= needed && mayDivide(text, author)) runs.push({ text, start, end });
  }
  return runs;
}

function textsWith(texts: readonly string[], part: string): readonly string[] {
  return texts.filter((text) => text.includes(part));
}

/** The heaviest runs that stand one behind the other in nearly all bodies. */
function chainOf(runs: readonly Run[], bodies: readonly string[], quorum: number): string[] {
  let chain: Run[] = [];
  const longestFirst = runs.toSorted((a, b) => b.text.length - a.text.length || a.start - b.start);
  for (const run of longestFirst.slice(0, MOST_RUNS)) {
    if (chain.length >= MOST_ANCHORS) break;
    if (chain.some(({ start, end }) => run.start < end && start < run.end)) continue;
    const longer = [...chain, run].sort((a, b) => a.start - b.start);
    const pattern = { literals: ['', ...longer.map(({ text }) => text), ''] };
    if (bodies.filter((body) => fits(pattern, body)).length >= least(bodies, quorum)) chain = longer;
  }
  return chain.map(({ text }) => text);
}

/**
 * Cuts raw literals back to the boundaries that a prompt's author would draw, and leaves out literals of which nothing remains.
 *
 * @returns undefined if all of them belong to one input.
 */
function cutLiterals(raw: string[], bodies: readonly string[], author: Author, prose: boolean): string[] | undefined {
  let literals = raw;
  for (;;) {
    const rows = spread(bodies, CUT_SAMPLE).flatMap((body) => valuesBetween(literals, body));
    const cuts = literals.slice(1).map((right, slot) => {
      const values = [...new Set(rows.map((row) => row[slot] ?? ''))];
      return cutAround(literals[slot] ?? '', values, right, author, prose);
    });
    const cut = literals.map((literal, index) => {
      const from = index === 0 ? 0 : literal.length - (cuts[index - 1]?.suffix ?? 0);
      const to = index === literals.length - 1 ? literal.length : (cuts[index]?.prefix ?? 0);
      return from < to ? literal.slice(from, to) : '';
    });
    const wrong = cut.findIndex((literal, index) => {
      if (index === 0 || index === cut.length - 1) return false;
      return !divides(literal, author, () => {
        const before = cut.findLastIndex(
          (each, place) => place < index && (place === 0 || countProse(each) >= PROSE_WORDS),
        );
        const [first = '', raw = ''] = [cut[before], literals[before]];
        const rest = first === '' ? raw : raw.slice(cuts[before]?.prefix);
        return opensStructure(
          first,
          rows.map((row) => rest + (row[before] ?? '')),
          author === 'fields' ? 0 : PROSE_WORDS,
        );
      });
    });
    if (wrong === -1) return cut;
    if (literals.length === 3 && author === 'anyone') return undefined;
    // The text on both sides of it becomes one slot, and is cut anew, because another input may now begin or end there.
    literals = literals.toSpliced(wrong, 1);
  }
}

/** The contents of the slots of a body, which has neither the first nor the last literal. */
function valuesBetween(literals: readonly string[], body: string): string[][] {
  const values: string[] = [];
  let from = 0;
  for (const literal of literals.slice(1, -1)) {
    const place = body.indexOf(literal, from);
    if (place === -1) return [];
    values.push(body.slice(from, place));
    from = place + literal.length;
  }
  return [[...values, body.slice(from)]];
}

/** How much of the literals before and after a slot is certainly constant text. */
function cutAround(
  left: string,
  values: readonly string[],
  right: string,
  author: Author,
  prose: boolean,
): { prefix: number; suffix: number } {
  const words = cutAtWords(left, values, right);
  const cut = values.map((value) => left.slice(words.prefix) + value + right.slice(0, right.length - words.suffix));
  const areShort = !values.some((value) => value.includes('\n')) && meanLength(values) <= SHORT_VALUE;
  if (most(cut, isDate) || most(cut, isToken) || (author === 'instructions' && areShort)) return words;
  return areShort && isInSentence(left, right) ? words : cutAtLabels(left, values, right, prose);
}

/** Whether words before a slot and punctuation behind it make it a part of a sentence. */
function isInSentence(left: string, right: string): boolean {
  if (/^[.,;:!?)"'”]+[ \t]+\p{L}[^\n]*\p{L}[ \t]+\p{L}/u.test(right)) return true;
  const line = left.slice(left.lastIndexOf('\n') + 1);
  return /^[.,;!?)"'”]+\s/.test(right) && countProse(line) >= PROSE_WORDS && !/[:>\]]\s*$/.test(line);
}

function cutAtLabels(
  left: string,
  values: readonly string[],
  right: string,
  prose: boolean,
): { prefix: number; suffix: number } {
  const texts = values.map((value) => left + value + right);
  // A single value is no evidence of other possible values.
  if (texts.length < 2) return { prefix: left.length, suffix: right.length };
  const { prefix, suffix } = findAffixes(texts, 1, prose);
  return { prefix: Math.min(prefix.length, left.length), suffix: Math.min(suffix.length, right.length) };
}

/** Cuts between words, and around all of a date. */
function cutAtWords(left: string, values: readonly string[], right: string): { prefix: number; suffix: number } {
  const words = { prefix: left.length - wordAtEnd(left), suffix: right.length - wordAtStart(right) };
  const [before, after] = [left.slice(0, words.prefix), right.slice(right.length - words.suffix)];
  const around = dateAround(before, after);
  const longer = { prefix: words.prefix - around.before, suffix: words.suffix - around.after };
  const isWhole = (value: string) =>
    isDate(left.slice(longer.prefix) + value + right.slice(0, right.length - longer.suffix));
  return around.before + around.after > 0 && most(values, isWhole) ? longer : words;
}

function most(values: readonly string[], test: (value: string) => boolean): boolean {
  return values.filter(test).length >= MACHINE_SHARE * values.length;
}

function meanLength(values: readonly string[]): number {
  return values.reduce((sum, { length }) => sum + length, 0) / Math.max(1, values.length);
}

/** Code units of a word that the slot goes on with. */
function wordAtEnd(text: string): number {
  return /[^\s"'“«([{<=]*$/.exec(text)?.[0].length ?? 0;
}

/** Code units of a word that the slot ends with; punctuation before a space is none of it. */
function wordAtStart(text: string): number {
  return /^[^\s]*?(?=[.,;:!?)\]}>"'”»]*(?:\s|$))/.exec(text)?.[0].length ?? 0;
}

const STRUCTURE =
  /(?:^|\n)[ \t]*(?:[#>*_-]*[ \t]*\p{L}[^\n:]{0,40}:[*_]*[ \t]*|#+ [^\n]+\n+|<[A-Za-z][\w-]*>\s*|\[[A-Z][A-Z_ ]+\]\s*|"""\s*|```\s*)$/u;
const TAG_BEFORE = /<[A-Za-z][\w-]*>[ \t]*\n[^\n]*\s*$/;

/** Whether a first literal has prose of the prompt's author, so that labels on lines of their own after it are the author's too. */
function opensStructure(first: string, values: readonly string[], leastProse: number): boolean {
  if (!first.endsWith('\n') && !STRUCTURE.test(first)) return false;
  if (TAG_BEFORE.test(first)) return false;
  const before = first.replace(STRUCTURE, '');
  return countProse(before) >= leastProse && !(values.filter(isLabelled).length * 2 > values.length);
}

function mayDivide(run: string, author: Author): boolean {
  if (author === 'instructions') return /\p{L}{2}|\n/u.test(run);
  return run.includes('\n') || countProse(run) >= PROSE_WORDS;
}

function divides(literal: string, author: Author, isInStructure: () => boolean): boolean {
  if (author === 'instructions') return /\p{L}{2}|\n/u.test(literal);
  return countProse(literal) >= PROSE_WORDS || (literal.includes('\n') && STRUCTURE.test(literal) && isInStructure());
}

/** A sample of the texts that comes from all over them. */
function spread<T>(values: readonly T[], most: number): readonly T[] {
  if (values.length <= most) return values;
  return Array.from(
    { length: Math.floor(most) },
    (_, index) => values[Math.floor((index * values.length) / most)],
  ).flatMap((value) => (value === undefined ? [] : [value]));
}

function least(texts: readonly string[], quorum: number): number {
  return Math.ceil(quorum * texts.length - 1e-9);
}
