import type { Message } from './chat-message.ts';
import { withoutExamples, withoutHeading } from './constant-examples.ts';
import { joinTurns } from './conversation.ts';
import { lengthOf, type TextPattern, valuesIn } from './text-pattern.ts';

/** The part of a prompt that a model is trained on and answers. */
export const TREATMENTS = ['strip', 'keep-instructions', 'drop-few-shots'] as const;
export type Treatment = (typeof TREATMENTS)[number];

/** The instructions that prompts share, with slots for the changing parts. Plain JSON. */
export interface PromptTemplate {
  /** One entry for each prompt that was in use, the most frequent first. */
  versions: TemplateVersion[];
  /** Whether a conversation is read as one message, so that later turns have an input too. */
  conversation?: boolean | undefined;
}

export interface TemplateVersion {
  messages: TemplateMessage[];
  /** In the order in which they stand in the messages; no two of them touch. */
  slots: Slot[];
  /** The number of mined prompts that follow this version; 0 where the template was given. */
  rows: number;
  /** Stands before each input of this version, where answers depend on which prompt was used. */
  name?: string | undefined;
}

export interface TemplateMessage {
  role: Message['role'];
  parts: Part[];
}

/** Constant text, or the index of the slot that stands there. */
export type Part = string | { slot: number };

/**
 * `date` and `id` (dates, times, uuids, counters, other tokens that hardly ever repeat) and `few-shots` (examples that differ from request
 * to request) are no part of the input. Where answers depend on one of these, it is an `input` too.
 */
export interface Slot {
  name: string;
  kind: 'input' | 'date' | 'id' | 'few-shots';
}

/** A prompt without its instructions. */
export interface StrippedPrompt {
  /** Index into `versions`. */
  version: number;
  /** The contents of each slot. */
  slots: string[];
  /**
   * The content of the only slot of kind `input`; of several, each behind its label or name, on lines of their own. Before it the name of
   * the version, where that has one.
   */
  input: string;
}

const MISMATCH = {
  empty: 'the prompt has no message',
  roles: 'the prompt has other roles than every known prompt',
  text: 'the text around the input is that of no known prompt',
} as const;

/**
 * Removes the instructions of a prompt. `renderPrompt` on the result gives the prompt back, byte for byte, but for a conversation that is
 * read as one message. Where several versions fit, the
 * one with the most constant text is taken. Text that could be cut in two ways is a mismatch. Takes time in proportion to the prompt.
 */
export function stripInstructions(
  template: PromptTemplate,
  given: readonly Message[],
): StrippedPrompt | { mismatch: string } {
  const messages = template.conversation ? joinTurns(given) : given;
  if (messages.length === 0) return { mismatch: MISMATCH.empty };
  let mismatch: string = MISMATCH.roles;
  for (const version of compiled(template)) {
    if (!hasRoles(version, messages)) continue;
    mismatch = MISMATCH.text;
    const slots = slotsIn(version, messages);
    if (slots) return { version: version.index, slots, input: inputOf(version, slots) };
  }
  return { mismatch };
}

/**
 * The original prompt.
 *
 * @throws RangeError if the template has no such version.
 */
export function renderPrompt(template: PromptTemplate, version: number, slots: readonly string[]): Message[] {
  return render(versionOf(template, version).messages, slots);
}

/**
 * The prompt for an input of which nothing else is known, with a treatment that keeps instructions: the prompt of the most frequent
 * version. Undefined if that has further slots, because their contents are unknown.
 */
export function promptForInput(
  template: PromptTemplate,
  input: string,
  treatment: Exclude<Treatment, 'strip'>,
): Message[] | undefined {
  const { slots = [], name } = template.versions[0] ?? {};
  // Which of the named prompts a bare input belongs to is unknown.
  if (name !== undefined) return undefined;
  const place = slots.findIndex(({ kind }) => kind === 'input');
  const canFill = slots.every(
    ({ kind }, slot) => slot === place || (kind === 'few-shots' && treatment === 'drop-few-shots'),
  );
  if (place === -1 || !canFill) return undefined;
  const filled = slots.map((_, slot) => (slot === place ? input : ''));
  return treatPrompt(template, { version: 0, slots: filled, input }, treatment);
}

/** The messages for a model of a treatment. @throws RangeError if the template has no such version. */
export function treatPrompt(
  template: PromptTemplate,
  { version, slots, input }: StrippedPrompt,
  treatment: Treatment,
): Message[] {
  switch (treatment) {
    case 'strip':
      return [{ role: 'user', content: input }];
    case 'keep-instructions':
      return renderPrompt(template, version, slots);
    case 'drop-few-shots':
      return render(withoutShots(versionOf(template, version)), slots);
  }
}

function versionOf({ versions }: PromptTemplate, index: number): TemplateVersion {
  const version = versions[index];
  if (!version) throw new RangeError(`the template has no version ${index}`);
  return version;
}

function render(messages: readonly TemplateMessage[], slots: readonly string[]): Message[] {
  return messages.map(({ role, parts }) => ({
    role,
    content: parts.map((part) => (typeof part === 'string' ? part : (slots[part.slot] ?? ''))).join(''),
  }));
}

/** A version in the form in which prompts are matched with it. */
interface CompiledVersion {
  index: number;
  roles: readonly Message['role'][];
  patterns: readonly TextPattern[];
  /** The slots of kind `input`, each with the label that precedes it among several. */
  inputs: readonly { slot: number; label: string }[];
  /** The line before the input that names the version, or nothing. */
  heading: string;
}

const compiledTemplates = new WeakMap<PromptTemplate, CompiledVersion[]>();

/** The versions, that with the most constant text first. */
function compiled(template: PromptTemplate): CompiledVersion[] {
  const known = compiledTemplates.get(template);
  if (known) return known;
  const constant = ({ patterns }: CompiledVersion) => patterns.reduce((sum, pattern) => sum + lengthOf(pattern), 0);
  const versions = template.versions.map(compile).sort((a, b) => constant(b) - constant(a) || a.index - b.index);
  compiledTemplates.set(template, versions);
  return versions;
}

function compile({ messages, slots, name: prompt }: TemplateVersion, index: number): CompiledVersion {
  const before = literalsBefore(messages);
  return {
    index,
    roles: messages.map(({ role }) => role),
    patterns: messages.map(({ parts }) => patternOf(parts, slots)),
    inputs: slots.flatMap(({ name, kind }, slot) =>
      kind === 'input' ? [{ slot, label: labelBefore(before[slot] ?? '') ?? `${name}: ` }] : [],
    ),
    heading: prompt === undefined ? '' : `prompt: ${prompt}\n`,
  };
}

/** The constant text that stands before each slot in its message. */
export function literalsBefore(messages: readonly TemplateMessage[]): string[] {
  const literals: string[] = [];
  for (const { parts } of messages) {
    parts.forEach((part, index) => {
      if (typeof part === 'string') return;
      const left = parts[index - 1];
      literals[part.slot] = typeof left === 'string' ? left : '';
    });
  }
  return literals;
}

/** A label with more characters than this says more than the slot's content. */
const LONGEST_LABEL = 40;

/** The label before a slot on its line, such as `Product: `, if it is short. */
function labelBefore(literal: string): string | undefined {
  const line = literal.slice(literal.lastIndexOf('\n') + 1).trimStart();
  return line.length <= LONGEST_LABEL && /^[#>*_-]*[ \t]*\p{L}[^:]*:[*_]*[ \t]+$/u.test(line) ? line : undefined;
}

function patternOf(parts: readonly Part[], slots: readonly Slot[]): TextPattern {
  const literals = [''];
  let fewShots: number | undefined;
  for (const part of parts) {
    if (typeof part === 'string') {
      literals[literals.length - 1] += part;
    } else {
      if (slots[part.slot]?.kind === 'few-shots') fewShots = literals.length - 1;
      literals.push('');
    }
  }
  return { literals, ...(fewShots === undefined ? {} : { fewShots }) };
}

function hasRoles({ roles }: CompiledVersion, messages: readonly Message[]): boolean {
  return roles.length === messages.length && roles.every((role, index) => messages[index]?.role === role);
}

function slotsIn({ patterns }: CompiledVersion, messages: readonly Message[]): string[] | undefined {
  let slots: string[] = [];
  for (let index = 0; index < patterns.length; index += 1) {
    const pattern = patterns[index];
    const values = pattern && valuesIn(pattern, messages[index]?.content ?? '');
    if (!values) return undefined;
    slots = slots.length === 0 ? values : slots.concat(values);
  }
  return slots;
}

function inputOf({ inputs, heading }: CompiledVersion, slots: readonly string[]): string {
  const [only, another] = inputs;
  if (only && !another) return heading + (slots[only.slot] ?? '');
  return heading + inputs.map(({ slot, label }) => `${label}${slots[slot] ?? ''}`).join('\n');
}

const messagesWithoutShots = new WeakMap<TemplateVersion, TemplateMessage[]>();

/** The messages of a version without examples: those of each request, constant ones, and pairs of messages. */
function withoutShots(version: TemplateVersion): TemplateMessage[] {
  const known = messagesWithoutShots.get(version);
  if (known) return known;
  const isShots = (part: Part | undefined) =>
    typeof part === 'object' && version.slots[part.slot]?.kind === 'few-shots';
  const messages = withoutTurns(version).map(({ role, parts }) => {
    const kept = parts
      .map((part, index) => (typeof part === 'string' && isShots(parts[index + 1]) ? withoutHeading(part) : part))
      .filter((part) => !isShots(part));
    const last = kept.at(-1);
    const after = typeof last === 'string' ? last : '';
    return {
      role,
      parts: kept.map((part, index) => {
        if (typeof part !== 'string') return part;
        return withoutExamples(part, typeof kept[index + 1] === 'object' ? after : undefined);
      }),
    };
  });
  messagesWithoutShots.set(version, messages);
  return messages;
}

/** Without the answers before the last user message, and the messages that they answer. */
function withoutTurns({ messages, slots }: TemplateVersion): TemplateMessage[] {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  const holdsInput = ({ parts }: TemplateMessage) =>
    parts.some((part) => typeof part !== 'string' && slots[part.slot]?.kind !== 'few-shots');
  return messages.filter((message, index) => {
    if (index >= last || holdsInput(message)) return true;
    const answers = message.role === 'assistant';
    const isAnswered = message.role === 'user' && messages[index + 1]?.role === 'assistant';
    return !answers && !isAnswered;
  });
}
