import { agreed, codeAt, countWords, type End, findAffixes } from './affixes.ts';
import { type Author, findPattern } from './anchors.ts';
import { splitFewShots } from './few-shots.ts';
import { fits, lengthOf, type TextPattern } from './text-pattern.ts';

export interface TextVersion {
  pattern: TextPattern;
  /** Indices of the texts that follow this pattern, and no longer one. */
  rows: number[];
}

export interface TextVersionOptions {
  quorum: number;
  /** Texts that a version must have. */
  least: number;
  author: Author;
  /** Whether instructions stand elsewhere, so that these texts may well be inputs alone. */
  instructed: boolean;
  /** Patterns of other versions of the prompt: a few texts that follow them too need not show them by themselves. */
  known: readonly TextPattern[];
}

/** So many texts show the instructions as well as more would. */
const SAMPLE = 2000;
/** From so few texts a beginning that they share may be chance. */
const FEW_TEXTS = 10;
const MOST_BRANCHES = 8;
/** Share of the texts that the branches of a fork, or the versions that come of it, must cover. */
const COVERAGE = 0.9;
const TEXTS_PER_VERSION = 5;
/** Labels and headings tell kinds of input apart as well as prompts; only this many words are a prompt for sure. */
const WORDS_OF_A_PROMPT = 6;
const WORDS_OF_A_PROMPT_IF_INSTRUCTED = 20;

/** Finds what surrounds the inputs in texts; several patterns where texts follow several prompts. */
export function findTextVersions(texts: readonly string[], options: TextVersionOptions): TextVersion[] {
  const distinct = sampleOf([...new Set(texts)]);
  // As many texts of the sample as stand for the least number of rows.
  const least = (options.least * distinct.length) / texts.length;
  const found = adopted(distinct, options) ?? patternsOf(distinct, { ...options, least });
  const longestFirst = found.toSorted((a, b) => lengthOf(b) - lengthOf(a));
  const indices = texts.map((_, index) => index);
  const rows = Map.groupBy(indices, (index) => longestFirst.find((pattern) => fits(pattern, texts[index] ?? '')));
  return found
    .map((pattern) => ({ pattern, rows: rows.get(pattern) ?? [] }))
    .filter((version) => version.rows.length >= (found.length > 1 ? options.least : 0));
}

/** A sample that does not depend on the order of the texts: those with the lowest hashes. */
function sampleOf(texts: readonly string[]): readonly string[] {
  if (texts.length <= SAMPLE) return texts;
  const hashed = texts.map((text) => ({ text, hash: fnv1a(text) }));
  return hashed
    .toSorted((a, b) => a.hash - b.hash || (a.text < b.text ? -1 : 1))
    .slice(0, SAMPLE)
    .map(({ text }) => text);
}

/** 32-bit FNV-1a over code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

function adopted(texts: readonly string[], { known }: TextVersionOptions): TextPattern[] | undefined {
  if (texts.length >= FEW_TEXTS) return undefined;
  const shared = known
    .filter((pattern) => lengthOf(pattern) > 0 && texts.every((text) => fits(pattern, text)))
    .toSorted((a, b) => lengthOf(b) - lengthOf(a));
  return shared[0] && [shared[0]];
}

/** One pattern, unless several share much less than the texts of each have in common. */
function patternsOf(texts: readonly string[], options: TextVersionOptions): TextPattern[] {
  const single = patternOf(texts, options);
  for (const end of ['start', 'end'] as const) {
    const groups = forked(texts, options, end);
    if (!groups) continue;
    const patterns = groups.map((group) => patternOf(group, options, false));
    // Texts that differ in a date or a name alone are one version with one slot more.
    if (patterns.every((pattern) => wordsOf(pattern) - wordsOf(single) >= WORDS_OF_A_PROMPT)) return patterns;
  }
  return [single];
}

function wordsOf({ literals }: TextPattern): number {
  return literals.reduce((sum, literal) => sum + countWords(literal), 0);
}

function patternOf(texts: readonly string[], { quorum, author }: TextVersionOptions, prose?: boolean): TextPattern {
  const split = author === 'anyone' ? splitFewShots(texts, quorum) : undefined;
  if (split) {
    const head = findPattern([...new Set(split.heads)], quorum, 'instructions');
    const tail = findPattern([...new Set(split.tails)], quorum);
    const pattern = { literals: [...head.literals, ...tail.literals], fewShots: head.literals.length - 1 };
    const touches = (head.literals.at(-1) === '' && head.literals.length > 1) || tail.literals[0] === '';
    if (!touches && texts.filter((text) => fits(pattern, text)).length >= Math.ceil(quorum * texts.length - 1e-9)) {
      return pattern;
    }
  }
  return findPattern(texts, quorum, author, prose);
}

/** Texts of versions that part at one end; undefined where that end does not look like several prompts. */
function forked(texts: readonly string[], options: TextVersionOptions, end: End): (readonly string[])[] | undefined {
  const { quorum, least, instructed } = options;
  const ends = shortest(
    leavesOf(texts, quorum, Math.max(TEXTS_PER_VERSION, least), end).map((leaf) => {
      const { prefix, suffix } = findAffixes(leaf, quorum, false);
      return end === 'start' ? prefix : suffix;
    }),
    end,
  );
  if (ends.length < 2) return undefined;
  const common = agreed(ends, 1, end);
  const needed =
    instructed || countWords(common) >= WORDS_OF_A_PROMPT ? WORDS_OF_A_PROMPT_IF_INSTRUCTED : WORDS_OF_A_PROMPT;
  if (ends.some((affix) => countWords(affix) - countWords(common) < needed)) return undefined;
  const groups = ends.map((affix) => texts.filter((text) => startsOrEnds(text, affix, end)));
  const covered = groups.reduce((sum, { length }) => sum + length, 0);
  return covered < texts.length * COVERAGE ? undefined : groups;
}

/** Follows the texts from one end and parts them wherever a few ways of going on cover nearly all of them. */
function leavesOf(texts: readonly string[], quorum: number, least: number, end: End): (readonly string[])[] {
  const common = agreed(texts, quorum, end);
  const following = texts.filter((text) => startsOrEnds(text, common, end));
  const branches = [...Map.groupBy(following, (text) => codeAt(text, common.length, end)).values()].filter(
    ({ length }) => length >= least,
  );
  const covered = branches.reduce((sum, { length }) => sum + length, 0);
  const isFork = branches.length > 1 && branches.length <= MOST_BRANCHES && covered >= texts.length * COVERAGE;
  return isFork ? branches.flatMap((branch) => leavesOf(branch, quorum, least, end)) : [texts];
}

/** Without those that only go on from another one: where a branch is an accident of inputs, the shorter end is right. */
function shortest(affixes: readonly string[], end: End): string[] {
  const distinct = [...new Set(affixes)];
  return distinct.filter((affix) => !distinct.some((other) => other !== affix && startsOrEnds(affix, other, end)));
}

function startsOrEnds(text: string, affix: string, end: End): boolean {
  return end === 'start' ? text.startsWith(affix) : text.endsWith(affix);
}
