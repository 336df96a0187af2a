import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type { PromptTemplate, TemplateVersion } from '@tuneloop/app/internal/prompt/prompt-template';
import { fits, type TextPattern, valuesIn } from '@tuneloop/app/internal/prompt/text-pattern';
import { inCodeUnitOrder } from '../../core/text/order.ts';
import { TuneloopError } from '../../errors.ts';
import { countWords } from './affixes.ts';
import { type Author, findPattern } from './anchors.ts';
import { isDate } from './machine-text.ts';
import { slotsOf } from './slots.ts';
import { findTextVersions, type TextVersion } from './text-versions.ts';

export interface MiningOptions {
  /** Share of the prompts of a version that must agree on its constant text. */
  quorum?: number;
  /** Versions with fewer prompts are left out, in a log of over 50 prompts. */
  minVersionShare?: number;
  /** Prompts of one layout are one version: where they differ, there is a slot. */
  together?: boolean;
}

const QUORUM = 0.97;
const MIN_VERSION_SHARE = 0.02;
const SMALL_LOG = 50;
/** A message with more different texts than this has slots instead of versions. */
const MOST_VERSIONS = 8;
/** Share of the prompts that frequent texts of a message must cover to be its versions. */
const COVERAGE = 0.9;
/** A message that differs in a few words from request to request is nearly all constant. */
const CONSTANT_SHARE = 0.8;
const FEWEST_WORDS = 6;
/** Words that messages of instructions must share. */
const WORDS_OF_INSTRUCTIONS = 4;
/** Examples of a pool come up repeatedly; turns of a conversation do not. */
const MOST_DIFFERENT_SHOTS = 0.7;

type Prompt = readonly Message[];

/**
 * Finds the instructions that the prompts of a log share: the constant text of their messages, cut back to a boundary (a line, a label, a
 * delimiter, a run of words), because cutting too little costs some tokens, but cutting too much destroys inputs. Text that differs from
 * request to request is a slot; prompts that differ in more are versions.
 *
 * Does not depend on the order of the prompts. Bare inputs give a template without instructions.
 *
 * @throws TuneloopError INSTRUCTIONS_NOT_FOUND if nearly every prompt has leading messages that share no text.
 */
export function mineTemplate(
  prompts: readonly Prompt[],
  { quorum = QUORUM, minVersionShare = MIN_VERSION_SHARE, together = false }: MiningOptions = {},
): PromptTemplate {
  const least =
    prompts.length > SMALL_LOG ? Math.max(2, prompts.length * minVersionShare) : Math.min(2, prompts.length);
  const layouts = [...Map.groupBy(prompts, (messages) => messages.map(({ role }) => role).join(' ')).entries()]
    .filter(([layout, rows]) => layout !== '' && rows.length >= least)
    .toSorted(([a, rowsOfA], [b, rowsOfB]) => rowsOfB.length - rowsOfA.length || inCodeUnitOrder(a, b));
  const context: Context = { quorum, least, together, known: [] };
  const found = layouts.flatMap(([, rows]) => {
    const main = mainMessage(rows, quorum);
    const order = [...(rows[0] ?? []).keys()].toSorted((a, b) => Number(a === main) - Number(b === main));
    return versionsOf({ rows, patterns: [] }, order, main, context);
  });
  if (found.length === 0) {
    throw new TuneloopError(
      'INSTRUCTIONS_NOT_FOUND',
      `the ${prompts.length} prompts share no instructions: the messages before the last one differ from prompt to prompt, ` +
        'and no form of them is frequent enough to be a template. Keep what changes with the request in the last message, ' +
        'or name the prompts in clean.instructions.templates',
    );
  }
  return {
    versions: found
      .map(toVersion)
      .sort((a, b) => b.rows - a.rows || inCodeUnitOrder(JSON.stringify(a), JSON.stringify(b))),
  };
}

/** Prompts of one version, and the patterns of their messages that were already examined. */
interface MinedVersion {
  rows: readonly Prompt[];
  patterns: { message: number; pattern: TextPattern; fewShots?: boolean }[];
}

interface Context {
  quorum: number;
  least: number;
  together: boolean;
  /** Patterns of main messages so far. */
  known: TextPattern[];
}

/** The message that tells requests apart: the last one, or the last of the user where that one does. */
function mainMessage(rows: readonly Prompt[], quorum: number): number {
  const last = (rows[0]?.length ?? 0) - 1;
  const user = rows[0]?.findLastIndex(({ role }) => role === 'user') ?? -1;
  if (user === -1 || user === last) return last;
  return isFixed(rows, last, quorum) || different(rows, user) > different(rows, last) ? user : last;
}

function isFixed(rows: readonly Prompt[], message: number, quorum: number): boolean {
  const sizes = [...Map.groupBy(rows, (prompt) => contentOf(prompt, message)).values()].map(({ length }) => length);
  return Math.max(...sizes) >= quorum * rows.length;
}

function different(rows: readonly Prompt[], message: number): number {
  return new Set(rows.map((prompt) => contentOf(prompt, message))).size;
}

function contentOf(prompt: Prompt, message: number): string {
  return prompt[message]?.content ?? '';
}

/** Takes one message after the other, the main one last, and splits the prompts wherever a message has several patterns. */
function versionsOf(
  version: MinedVersion,
  [message, ...others]: readonly number[],
  main: number,
  context: Context,
): MinedVersion[] {
  if (message === undefined) return [version];
  const texts = version.rows.map((prompt) => contentOf(prompt, message));
  const parts =
    message === main
      ? mainVersions(version, texts, message, context)
      : leadVersions(version, texts, message, main, context);
  if (message === main) context.known.push(...parts.map(({ pattern }) => pattern));
  return parts.toSorted(byRows).flatMap(({ pattern, rows, fewShots }) => {
    const part: MinedVersion = {
      rows: rows.map((row) => version.rows[row] ?? []),
      patterns: [...version.patterns, { message, pattern, ...(fewShots ? { fewShots } : {}) }],
    };
    return versionsOf(part, others, main, context);
  });
}

type MessageVersion = TextVersion & { fewShots?: boolean };

/** The most frequent first. */
function byRows(a: TextVersion, b: TextVersion): number {
  const text = ({ pattern }: TextVersion) => JSON.stringify(pattern.literals);
  return b.rows.length - a.rows.length || inCodeUnitOrder(text(a), text(b));
}

function mainVersions(
  { rows, patterns }: MinedVersion,
  texts: readonly string[],
  message: number,
  { quorum, least, together, known }: Context,
): MessageVersion[] {
  if (together) return [oneVersion(texts, quorum, 'anyone')];
  // A message that never changes is no input if another message can be one.
  if (patterns.some(({ pattern }) => pattern.literals.length > 1) && isFixed(rows, message, quorum)) {
    return literalVersions(texts).filter((version) => version.rows.length >= least);
  }
  return findTextVersions(texts, { quorum, least, author: 'anyone', instructed: patterns.length > 0, known });
}

function literalVersions(texts: readonly string[]): MessageVersion[] {
  return [...Map.groupBy(texts.keys(), (row) => texts[row] ?? '')].map(([text, rows]) => ({
    pattern: { literals: [text] },
    rows,
  }));
}

/** Versions of a message that most likely holds no input. */
function leadVersions(
  { rows }: MinedVersion,
  texts: readonly string[],
  message: number,
  main: number,
  { quorum, least, together }: Context,
): MessageVersion[] {
  const prompt: Prompt = rows[0] ?? [];
  const role = prompt[message]?.role;
  const frequent = literalVersions(texts)
    .filter((version) => version.rows.length >= least)
    .sort(byRows);
  if (isTurn(prompt, message, main)) {
    if (!areShots(rows, main, least)) return frequent;
    return [{ pattern: SLOT_ALONE, rows: [...texts.keys()], fewShots: true }];
  }
  const author = role === 'system' || role === 'developer' ? 'instructions' : 'anyone';
  if (together) return [oneVersion(texts, quorum, author)];
  const options = { quorum, least, author, instructed: false, known: [] } as const;
  const mined = new Set(texts).size > 1 ? findTextVersions(texts, options) : [];
  if (isCovered(mined, texts, quorum) && mined.every((version) => isNearlyConstant(version, texts))) return mined;
  if (isCovered(frequent.slice(0, MOST_VERSIONS), texts, COVERAGE)) return frequent;
  const fewest = author === 'instructions' ? WORDS_OF_INSTRUCTIONS : 0;
  const instructing = mined.filter(({ pattern }) => wordsOf(pattern) >= fewest);
  return isCovered(instructing, texts, COVERAGE) ? instructing : frequent;
}

function oneVersion(texts: readonly string[], quorum: number, author: Author): MessageVersion {
  const pattern = findPattern([...new Set(texts)], quorum, author);
  return { pattern, rows: [...texts.keys()].filter((row) => fits(pattern, texts[row] ?? '')) };
}

const SLOT_ALONE: TextPattern = { literals: ['', ''] };

/** Whether a message is an answer before the main message, or was answered. */
function isTurn(prompt: Prompt, message: number, main: number): boolean {
  const role = prompt[message]?.role;
  if (message > main || role === 'system' || role === 'developer') return false;
  return (
    role === 'assistant' || role === 'tool' || prompt.slice(message, main).some((each) => each.role === 'assistant')
  );
}

/** Whether the turns before the main message change, and questions and answers come up repeatedly. */
function areShots(rows: readonly Prompt[], main: number, least: number): boolean {
  const turns = rows.map((prompt) => prompt.slice(0, main).filter((_, index) => isTurn(prompt, index, main)));
  const sets = literalVersions(turns.map((each) => JSON.stringify(each)));
  const constant = sets
    .filter((set) => set.rows.length >= least)
    .sort(byRows)
    .slice(0, MOST_VERSIONS);
  if (isCovered(constant, rows, COVERAGE)) return false;
  return (['assistant', 'user'] as const).every((role) => {
    const contents = turns.flat().flatMap((turn) => (turn.role === role ? [turn.content] : []));
    return new Set(contents).size <= contents.length * MOST_DIFFERENT_SHOTS;
  });
}

function isCovered(versions: readonly TextVersion[], texts: readonly unknown[], share: number): boolean {
  return versions.reduce((sum, { rows }) => sum + rows.length, 0) >= share * texts.length;
}

function wordsOf({ literals }: TextPattern): number {
  return literals.reduce((sum, literal) => sum + countWords(literal), 0);
}

/** Whether only a few words change in texts that share many; a date counts as one of them. */
function isNearlyConstant({ pattern, rows }: TextVersion, texts: readonly string[]): boolean {
  const constant = wordsOf(pattern);
  const different = [...new Set(rows.map((row) => texts[row] ?? ''))];
  // Two texts are more likely two versions of a prompt than two requests.
  if (constant < FEWEST_WORDS || different.length < 3) return false;
  const values = different.flatMap((text) => valuesIn(pattern, text) ?? []);
  const changing = values.reduce((sum, value) => sum + (isDate(value) ? 1 : countWords(value)), 0) / different.length;
  return constant >= CONSTANT_SHARE * (constant + changing) && !values.some((value) => value.includes('\n'));
}

function toVersion({ rows, patterns }: MinedVersion): TemplateVersion {
  const inOrder = patterns.toSorted((a, b) => a.message - b.message);
  const values = rows.map((prompt) =>
    inOrder.flatMap(({ pattern, message }) => valuesIn(pattern, contentOf(prompt, message)) ?? []),
  );
  let slot = 0;
  const messages = inOrder.map(({ pattern, message }) => ({
    role: rows[0]?.[message]?.role ?? 'user',
    parts: pattern.literals.flatMap((literal, index) => [
      ...(index === 0 ? [] : [{ slot: slot++ }]),
      ...(literal === '' && pattern.literals.length > 1 ? [] : [literal]),
    ]),
  }));
  const fewShots = new Set<number>();
  let from = 0;
  for (const { pattern, fewShots: whole } of inOrder) {
    if (pattern.fewShots !== undefined) fewShots.add(from + pattern.fewShots);
    if (whole) fewShots.add(from);
    from += pattern.literals.length - 1;
  }
  return { messages, slots: slotsOf(messages, values, fewShots), rows: rows.length };
}
