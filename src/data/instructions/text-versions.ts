import { fits, lengthOf, type TextPattern } from '@tuneloop/app/internal/prompt/text-pattern';
import { agreed, codeAt, countWords, type End, findAffixes } from './affixes.ts';
import { type Author, findPattern } from './anchors.ts';
import { splitFewShots } from './few-shots.ts';

export interface TextVersion {
  pattern: TextPattern;
  /** Indices of the texts that follow this pattern, and no longer pattern. */
  rows: number[];
}

export interface TextVersionOptions {
  quorum: number;
  /** Texts that a version must have. */
  least: number;
  author: Author;
  /** Whether instructions stand elsewhere, so that these texts may well be inputs alone. */
  instructed: boolean;
  /** Patterns of other versions of the prompt: a few texts that follow them do not show them by themselves. */
  known: readonly TextPattern[];
}

/** This many texts show the instructions as well as more would; of long texts fewer are taken, so that time and memory are bounded. */
const SAMPLE = 2000;
const SAMPLED_UNITS = 8_000_000;
const FEWEST_SAMPLED = 200;
/** A beginning that this few texts share may be chance. */
const FEW_TEXTS = 10;
const MOST_BRANCHES = 8;
/** Share of the texts that the branches of a fork, or the versions that come of it, must cover. */
const COVERAGE = 0.9;
const TEXTS_PER_VERSION = 5;
/** Shorter lines hold too few words to tell two prompts apart. */
const SHORTEST_PROSE = 20;
/** Labels and headings distinguish kinds of input as well as prompts; this many words are certainly a prompt. */
const WORDS_OF_A_PROMPT = 6;
const WORDS_OF_A_PROMPT_IF_INSTRUCTED = 20;

/** Finds the constant text around the inputs; several patterns where texts follow several prompts. */
export function findTextVersions(texts: readonly string[], options: TextVersionOptions): TextVersion[] {
  const distinct = sampleOf([...new Set(texts)]);
  // The number of sampled texts that corresponds to the least number of rows.
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
  const units = texts.reduce((sum, { length }) => sum + length, 0);
  const size = Math.max(FEWEST_SAMPLED, Math.min(SAMPLE, Math.floor((SAMPLED_UNITS * texts.length) / units)));
  if (texts.length <= size) return texts;
  const hashed = texts.map((text) => ({ text, hash: fnv1a(text) }));
  return hashed
    .toSorted((a, b) => a.hash - b.hash || (a.text < b.text ? -1 : 1))
    .slice(0, size)
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
  const needed = options.instructed ? WORDS_OF_A_PROMPT_IF_INSTRUCTED : WORDS_OF_A_PROMPT;
  for (const fork of [atStart, atEnd, inside]) {
    const patterns = fork(texts, options)?.map((group) => patternOf(group, options)) ?? [];
    // Texts that differ only in a date or a name are one version with one more slot.
    const gains = patterns.map((pattern) => wordsOf(pattern) - wordsOf(single));
    if (gains.length > 0 && Math.min(...gains) >= (fork === inside ? needed : WORDS_OF_A_PROMPT)) return patterns;
  }
  return [single];
}

function wordsOf({ literals }: TextPattern): number {
  return literals.reduce((sum, literal) => sum + countWords(literal), 0);
}

function patternOf(texts: readonly string[], { quorum, author }: TextVersionOptions): TextPattern {
  const split = author === 'anyone' ? splitFewShots(texts, quorum) : undefined;
  if (split) {
    const head = findPattern([...new Set(split.heads)], quorum, 'instructions');
    const tail = findPattern([...new Set(split.tails)], quorum, 'fields');
    const pattern = { literals: [...head.literals, ...tail.literals], fewShots: head.literals.length - 1 };
    const touches = (head.literals.at(-1) === '' && head.literals.length > 1) || tail.literals[0] === '';
    if (!touches && texts.filter((text) => fits(pattern, text)).length >= Math.ceil(quorum * texts.length - 1e-9)) {
      return pattern;
    }
  }
  return findPattern(texts, quorum, author);
}

type Groups = (readonly string[])[];

function atStart(texts: readonly string[], options: TextVersionOptions): Groups | undefined {
  return forked(texts, options, 'start');
}

function atEnd(texts: readonly string[], options: TextVersionOptions): Groups | undefined {
  return forked(texts, options, 'end');
}

/** Texts of versions that have lines of prose of their own, wherever these stand. */
function inside(texts: readonly string[], { quorum, least }: TextVersionOptions): Groups | undefined {
  const fewest = Math.max(TEXTS_PER_VERSION, least);
  const groups: Groups = [];
  let rest = texts.map((text) => ({ text, lines: proseLines(text) }));
  while (groups.length < MOST_BRANCHES) {
    const [line, count] = mostFrequent(
      rest.flatMap(({ lines }) => lines),
      quorum * texts.length,
    );
    if (count < fewest) break;
    groups.push(rest.filter(({ lines }) => lines.includes(line)).map(({ text }) => text));
    rest = rest.filter(({ lines }) => !lines.includes(line));
  }
  return groups.length > 1 && rest.length <= texts.length * (1 - COVERAGE) ? groups : undefined;
}

/** The different lines with enough words for a prompt. */
function proseLines(text: string): string[] {
  return [...new Set(text.split('\n'))].filter(
    (line) => line.length >= SHORTEST_PROSE && countWords(line) >= WORDS_OF_A_PROMPT,
  );
}

/** Of the lines that fewer than a number of texts have. */
function mostFrequent(lines: readonly string[], fewer: number): [line: string, count: number] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].reduce<[string, number]>(
    (best, [line, count]) =>
      count < fewer && (count > best[1] || (count === best[1] && line < best[0])) ? [line, count] : best,
    ['', 0],
  );
}

/** Texts of versions that split at one end; undefined where that end does not look like several prompts. */
function forked(texts: readonly string[], options: TextVersionOptions, end: End): Groups | undefined {
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

/** Follows the texts from one end and splits them wherever a few continuations cover nearly all of them. */
function leavesOf(texts: readonly string[], quorum: number, least: number, end: End): Groups {
  const common = agreed(texts, quorum, end);
  const following = texts.filter((text) => startsOrEnds(text, common, end));
  const branches = [...Map.groupBy(following, (text) => codeAt(text, common.length, end)).values()].filter(
    ({ length }) => length >= least,
  );
  const covered = branches.reduce((sum, { length }) => sum + length, 0);
  const isFork = branches.length > 1 && branches.length <= MOST_BRANCHES && covered >= texts.length * COVERAGE;
  return isFork ? branches.flatMap((branch) => leavesOf(branch, quorum, least, end)) : [texts];
}

/** Drops patterns that only continue another one: if a branch is an accident of the inputs, the shorter pattern is right. */
function shortest(affixes: readonly string[], end: End): string[] {
  const distinct = [...new Set(affixes)];
  return distinct.filter((affix) => !distinct.some((other) => other !== affix && startsOrEnds(affix, other, end)));
}

function startsOrEnds(text: string, affix: string, end: End): boolean {
  return end === 'start' ? text.startsWith(affix) : text.endsWith(affix);
}
