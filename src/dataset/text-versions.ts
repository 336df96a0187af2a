import { type Affixes, agreed, codeAt, countWords, type End, findAffixes } from './affixes.ts';

export interface TextVersion extends Affixes {
  /** How many of the texts have this beginning and end, and no longer ones. */
  rows: number;
}

export interface TextVersionOptions {
  quorum: number;
  /** Texts that a version must have. */
  least: number;
  /** Whether instructions stand elsewhere, so that these texts may well be inputs alone. */
  instructed: boolean;
  /** Affixes of other versions of the prompt: a few texts that have them too need not show them by themselves. */
  known: readonly Affixes[];
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

/** Finds what surrounds the inputs in texts; several pairs where texts follow several prompts. */
export function findTextVersions(texts: readonly string[], options: TextVersionOptions): TextVersion[] {
  const distinct = sampleOf([...new Set(texts)]);
  // As many texts of the sample as stand for the least number of rows.
  const least = (options.least * distinct.length) / texts.length;
  const found = adopted(distinct, options) ??
    forked(distinct, { ...options, least }, 'start') ??
    forked(distinct, { ...options, least }, 'end') ?? [findAffixes(distinct, options.quorum)];
  const longestFirst = found.toSorted((a, b) => lengthOf(b) - lengthOf(a));
  const rows = Map.groupBy(texts, (text) => longestFirst.find((affixes) => isAround(affixes, text)));
  return found
    .map((affixes) => ({ ...affixes, rows: rows.get(affixes)?.length ?? 0 }))
    .filter((version) => version.rows >= (found.length > 1 ? options.least : 0));
}

/** Whether a text begins and ends so; the two may not overlap. */
export function isAround({ prefix, suffix }: Affixes, text: string): boolean {
  return text.length >= prefix.length + suffix.length && text.startsWith(prefix) && text.endsWith(suffix);
}

export function lengthOf({ prefix, suffix }: Affixes): number {
  return prefix.length + suffix.length;
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

function adopted(texts: readonly string[], { known }: TextVersionOptions): Affixes[] | undefined {
  if (texts.length >= FEW_TEXTS) return undefined;
  const shared = known
    .filter((affixes) => lengthOf(affixes) > 0 && texts.every((text) => isAround(affixes, text)))
    .toSorted((a, b) => lengthOf(b) - lengthOf(a));
  return shared[0] && [{ prefix: shared[0].prefix, suffix: shared[0].suffix }];
}

/** Versions that part at one end of the texts; undefined where that end does not look like several prompts. */
function forked(texts: readonly string[], options: TextVersionOptions, end: End): Affixes[] | undefined {
  const { quorum, least, instructed } = options;
  const ends = shortest(
    leavesOf(texts, quorum, Math.max(TEXTS_PER_VERSION, least), end).map((leaf) =>
      affixAt(findAffixes(leaf, quorum, false), end),
    ),
    end,
  );
  if (ends.length < 2) return undefined;
  const common = agreed(ends, 1, end);
  const needed =
    instructed || countWords(common) >= WORDS_OF_A_PROMPT ? WORDS_OF_A_PROMPT_IF_INSTRUCTED : WORDS_OF_A_PROMPT;
  if (ends.some((affix) => countWords(affix) - countWords(common) < needed)) return undefined;
  const groups = ends.map((affix) => texts.filter((text) => startsOrEnds(text, affix, end)));
  const covered = groups.reduce((sum, { length }) => sum + length, 0);
  if (covered < texts.length * COVERAGE) return undefined;
  return groups.map((group) => findAffixes(group, quorum, false));
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

function affixAt({ prefix, suffix }: Affixes, end: End): string {
  return end === 'start' ? prefix : suffix;
}

function startsOrEnds(text: string, affix: string, end: End): boolean {
  return end === 'start' ? text.startsWith(affix) : text.endsWith(affix);
}
