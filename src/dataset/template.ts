import { TuneloopError } from '../errors.ts';
import type { Message } from './row.ts';

/** The instructions that prompts share, with one slot for the input in the last message. */
export interface PromptTemplate {
  /** One entry for each prompt that was in use, the most frequent first. */
  versions: TemplateVersion[];
}

export interface TemplateVersion {
  /** Messages before the last one, equal in every prompt of this version. */
  lead: Message[];
  /** Role of the last message, which holds the input between `prefix` and `suffix`. */
  role: Message['role'];
  prefix: string;
  suffix: string;
  /** How many of the mined prompts follow this version. */
  rows: number;
}

export type Stripped = { input: string; version: number } | { mismatch: string };

export interface MiningOptions {
  /** Share of the prompts of a version that must agree on its prefix and suffix. */
  quorum?: number;
  /** Versions that fewer prompts follow are left out; in a log of over 50 prompts. */
  minVersionShare?: number;
}

const QUORUM = 0.97;
const MIN_VERSION_SHARE = 0.02;
const SMALL_LOG = 50;
/** As many words in a row, shared by nearly all prompts, are prose by the prompt's author and not a chance of inputs. */
const PROSE_WORDS = 4;

/**
 * Finds the instructions that the prompts of a log share: all messages but the last, and the common beginning and end
 * of the last. The common part is cut back to a boundary (a line, a label, a delimiter, a run of words), because
 * cutting too little costs some tokens, but cutting too much destroys inputs.
 *
 * Does not depend on the order of the prompts.
 *
 * @throws TuneloopError INSTRUCTIONS_NOT_FOUND if nearly every prompt has leading messages of its own.
 */
export function mineTemplate(
  prompts: readonly (readonly Message[])[],
  { quorum = QUORUM, minVersionShare = MIN_VERSION_SHARE }: MiningOptions = {},
): PromptTemplate {
  const least =
    prompts.length > SMALL_LOG ? Math.max(2, prompts.length * minVersionShare) : Math.min(2, prompts.length);
  const byLead = groupBy(prompts, (messages) => JSON.stringify([messages.slice(0, -1), messages.at(-1)?.role]));
  const versions = byLead
    .filter((group) => group.length >= least)
    .flatMap((group): TemplateVersion[] => {
      const last = group[0]?.at(-1);
      if (!last) return [];
      const lead = (group[0] ?? []).slice(0, -1);
      const texts = group.map((messages) => messages.at(-1)?.content ?? '');
      return mineTexts(texts, quorum, least).map((mined) => ({ lead, role: last.role, ...mined }));
    })
    .toSorted((a, b) => b.rows - a.rows || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (versions.length === 0) {
    throw new TuneloopError(
      'INSTRUCTIONS_NOT_FOUND',
      `the ${prompts.length} prompts have ${byLead.length} different sets of messages before the last one, and no set is ` +
        'frequent enough to be a template: keep what changes with the request in the last message',
    );
  }
  return { versions };
}

/**
 * Takes the instructions off a prompt. `renderPrompt` on the result gives the prompt back, byte for byte. Where several
 * versions fit, the one that leaves the shortest input is taken.
 */
export function stripInstructions({ versions }: PromptTemplate, messages: readonly Message[]): Stripped {
  const last = messages.at(-1);
  if (!last) return { mismatch: 'the prompt has no message' };
  const lead = messages.slice(0, -1);
  const sameLead = versions
    .map((version, index) => [version, index] as const)
    .filter(([version]) => version.role === last.role && equalMessages(version.lead, lead));
  if (sameLead.length === 0) return { mismatch: 'the messages before the last one are not those of any known prompt' };
  const [best] = sameLead
    .filter(([{ prefix, suffix }]) => {
      const { content } = last;
      return content.length >= prefix.length + suffix.length && content.startsWith(prefix) && content.endsWith(suffix);
    })
    .toSorted(([a], [b]) => b.prefix.length + b.suffix.length - a.prefix.length - a.suffix.length);
  if (!best) return { mismatch: 'the last message does not begin and end as in the known prompts' };
  const [{ prefix, suffix }, version] = best;
  return { input: last.content.slice(prefix.length, last.content.length - suffix.length), version };
}

/** The original prompt for an input; by default that of the most frequent version. */
export function renderPrompt({ versions }: PromptTemplate, input: string, version = 0): Message[] {
  const template = versions[version];
  if (!template) throw new RangeError(`the template has no version ${version}`);
  const { lead, role, prefix, suffix } = template;
  return [...lead, { role, content: prefix + input + suffix }];
}

interface MinedText {
  prefix: string;
  suffix: string;
  rows: number;
}

/** Prefix and suffix of the last messages; several where clusters of them begin with different instructions. */
function mineTexts(texts: readonly string[], quorum: number, least: number): MinedText[] {
  const whole = mineText(texts, quorum);
  // Several prompts in one log: inputs do not begin with the same 48 characters over and over, instructions do.
  const clusters = groupBy(texts, (text) =>
    (text.startsWith(whole.prefix) ? text.slice(whole.prefix.length) : text).slice(0, 48),
  ).filter((cluster) => cluster.length >= least && new Set(cluster).size >= 5);
  const clustered = clusters.reduce((sum, { length }) => sum + length, 0);
  if (clusters.length < 2 || clustered < texts.length * (1 - MIN_VERSION_SHARE * clusters.length)) return [whole];
  return clusters.map((cluster) => mineText(cluster, quorum));
}

function mineText(texts: readonly string[], quorum: number): MinedText {
  // A request that is repeated says nothing about the template, however often it is.
  const distinct = [...new Set(texts)];
  // From a single prompt nothing can be told apart; all of it counts as input.
  if (distinct.length < 2) return { prefix: '', suffix: '', rows: texts.length };
  const { prefix, opener } = cutPrefix(quorumPrefix(distinct, quorum));
  const rests = distinct.filter((text) => text.startsWith(prefix)).map((text) => text.slice(prefix.length));
  const suffix = cutSuffix(reversed(quorumPrefix(rests.map(reversed), quorum)), opener);
  const fits = (text: string) =>
    text.length >= prefix.length + suffix.length && text.startsWith(prefix) && text.endsWith(suffix);
  return { prefix, suffix, rows: texts.filter(fits).length };
}

/**
 * The longest string that at least a share `quorum` of the texts begin with. In sorted order such texts stand next to
 * each other, so it is the longest prefix shared by the ends of any window of that many texts.
 */
function quorumPrefix(texts: readonly string[], quorum: number): string {
  const sorted = texts.toSorted();
  const window = Math.max(1, Math.ceil(quorum * sorted.length));
  let best = '';
  for (let start = 0; start + window <= sorted.length; start += 1) {
    const shared = sharedPrefix(sorted[start] ?? '', sorted[start + window - 1] ?? '');
    if (shared.length > best.length) best = shared;
  }
  return best;
}

function sharedPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return a.slice(0, length);
}

/** By code units, so that reversing twice gives any string back, lone surrogates included. */
function reversed(text: string): string {
  let result = '';
  for (let index = text.length - 1; index >= 0; index -= 1) result += text[index];
  return result;
}

const OPENING = /(?:^|[\s:=>(])("""|'''|```|"|'|<[A-Za-z][\w-]*>|<<<+|\[[A-Z][A-Z_ ]*\]|\[\[|\{\{)$/;
const LABEL = /(?:^|\n)[^\n:]{1,60}:[ \t]*$/;
const CLOSING: Record<string, string> = { '[[': ']]', '{{': '}}' };

/** Whether a prefix may end here: after a line, a label such as `Message: `, or an opening delimiter. */
function isBoundary(prefix: string): boolean {
  return prefix.endsWith('\n') || LABEL.test(prefix) || OPENING.test(prefix);
}

function cutPrefix(common: string): { prefix: string; opener: string | undefined } {
  let end = common.length;
  // Looking at the last 200 characters is enough: a longer run without a boundary is prose.
  const first = Math.max(0, end - 200);
  while (end > first && !isBoundary(common.slice(0, end))) end -= 1;
  const structural = end > first || isBoundary(common.slice(0, end)) ? end : 0;
  const prose = common.search(/\S*$/);
  // Words after the last line, label or delimiter may be the beginning of inputs, unless there are many of them.
  const prefix = common.slice(0, countWords(common.slice(structural, prose)) >= PROSE_WORDS ? prose : structural);
  return { prefix, opener: OPENING.exec(prefix)?.[1] };
}

function cutSuffix(common: string, opener: string | undefined): string {
  const line = common.search(/\r?\n/);
  const before = line === -1 ? common : common.slice(0, line);
  const closing = opener === undefined ? -1 : before.indexOf(closingOf(opener));
  if (closing !== -1) return common.slice(closing);
  // A separator (` ->`), a label (` Answer:`) or prose, set off by white space, up to the end of the line.
  const separator = before.search(/[ \t]+(?:[^\w\s.?!…]+|[A-Za-z][\w ]{0,40}:)[ \t]*$/);
  if (separator !== -1) return common.slice(separator);
  const space = before.search(/\s/);
  if (space !== -1 && countWords(before.slice(space)) >= PROSE_WORDS) return common.slice(space);
  return line === -1 ? '' : common.slice(line);
}

function closingOf(opener: string): string {
  if (/^<[A-Za-z]/.test(opener)) return `</${opener.slice(1)}`;
  if (opener.startsWith('<<<')) return '>'.repeat(opener.length);
  if (/^\[[A-Z]/.test(opener)) return `[/${opener.slice(1)}`;
  return CLOSING[opener] ?? opener;
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

function equalMessages(a: readonly Message[], b: readonly Message[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ role, content }, index) => role === b[index]?.role && content === b[index]?.content)
  );
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): T[][] {
  return [...Map.groupBy(values, keyOf).values()];
}
