import { TuneloopError } from '../errors.ts';
import { inCodeUnitOrder } from './order.ts';
import type { Message } from './row.ts';
import { findTextVersions, isAround, lengthOf } from './text-versions.ts';

/** The instructions that prompts share, with one slot for the input. Plain JSON. */
export interface PromptTemplate {
  /** One entry for each prompt that was in use, the most frequent first. */
  versions: TemplateVersion[];
}

export interface TemplateVersion {
  /** Messages before the one with the input, equal in every prompt of this version. */
  lead: Message[];
  /** Role of the message that holds the input between `prefix` and `suffix`. */
  role: Message['role'];
  prefix: string;
  suffix: string;
  /** Messages after it, such as the beginning of an answer; absent where the input is in the last message. */
  tail?: Message[];
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

/**
 * Finds the instructions that the prompts of a log share: all messages but the last, and the common beginning and end
 * of the last. The common part is cut back to a boundary (a line, a label, a delimiter, a run of words), because
 * cutting too little costs some tokens, but cutting too much destroys inputs. Where last messages do not tell requests
 * apart, the last message of the user is taken in place of the last.
 *
 * Does not depend on the order of the prompts. Bare inputs give a template without instructions.
 *
 * @throws TuneloopError INSTRUCTIONS_NOT_FOUND if nearly every prompt has leading messages of its own.
 */
export function mineTemplate(
  prompts: readonly (readonly Message[])[],
  { quorum = QUORUM, minVersionShare = MIN_VERSION_SHARE }: MiningOptions = {},
): PromptTemplate {
  const least =
    prompts.length > SMALL_LOG ? Math.max(2, prompts.length * minVersionShare) : Math.min(2, prompts.length);
  const inLast = groupByFrame(prompts, (messages) => messages.length - 1);
  const inUser = () => groupByFrame(prompts, (messages) => messages.findLastIndex(({ role }) => role === 'user'));
  const frames = [inLast, ...(coverage(inLast, least) * 2 < prompts.length ? [inUser()] : [])]
    .toSorted((a, b) => coverage(b, least) - coverage(a, least))
    .at(0);
  const versions: TemplateVersion[] = [];
  for (const { lead, role, tail, texts } of frames ?? []) {
    if (texts.length < least) continue;
    const instructed = lead.length + tail.length > 0;
    for (const { prefix, suffix, rows } of findTextVersions(texts, { quorum, least, instructed, known: versions })) {
      versions.push({ lead, role, prefix, suffix, ...(tail.length > 0 ? { tail } : {}), rows });
    }
  }
  if (versions.length === 0) {
    throw new TuneloopError(
      'INSTRUCTIONS_NOT_FOUND',
      `the ${prompts.length} prompts have ${inLast.length} different sets of messages before the last one, and no set is ` +
        'frequent enough to be a template: keep what changes with the request in the last message',
    );
  }
  return {
    versions: versions.toSorted((a, b) => b.rows - a.rows || inCodeUnitOrder(JSON.stringify(a), JSON.stringify(b))),
  };
}

/**
 * Takes the instructions off a prompt. `renderPrompt` on the result gives the prompt back, byte for byte. Where several
 * versions fit, the one that leaves the shortest input is taken.
 */
export function stripInstructions({ versions }: PromptTemplate, messages: readonly Message[]): Stripped {
  if (messages.length === 0) return { mismatch: 'the prompt has no message' };
  const framed = versions.flatMap((version, index) => {
    const { lead, role, tail = [] } = version;
    const slot = messages[lead.length];
    const fits =
      messages.length === lead.length + 1 + tail.length &&
      slot?.role === role &&
      startsWithMessages(messages, lead, 0) &&
      startsWithMessages(messages, tail, lead.length + 1);
    return fits ? [{ version, index, content: slot.content }] : [];
  });
  if (framed.length === 0) return { mismatch: 'the messages before the last one are not those of any known prompt' };
  const [best] = framed
    .filter(({ version, content }) => isAround(version, content))
    .toSorted((a, b) => lengthOf(b.version) - lengthOf(a.version));
  if (!best) return { mismatch: 'the last message does not begin and end as in the known prompts' };
  const { version, index, content } = best;
  return { input: content.slice(version.prefix.length, content.length - version.suffix.length), version: index };
}

/** The original prompt for an input; by default that of the most frequent version. */
export function renderPrompt({ versions }: PromptTemplate, input: string, version = 0): Message[] {
  const template = versions[version];
  if (!template) throw new RangeError(`the template has no version ${version}`);
  const { lead, role, prefix, suffix, tail = [] } = template;
  return [...lead, { role, content: prefix + input + suffix }, ...tail];
}

/** Prompts that are equal but for the text of one message. */
interface Frame {
  key: string;
  lead: Message[];
  role: Message['role'];
  tail: Message[];
  texts: string[];
}

/** The most frequent first. */
function groupByFrame(
  prompts: readonly (readonly Message[])[],
  slotOf: (messages: readonly Message[]) => number,
): Frame[] {
  const frames = new Map<string, Frame>();
  for (const messages of prompts) {
    const slot = slotOf(messages);
    const message = messages[slot];
    if (!message) continue;
    const [lead, tail] = [messages.slice(0, slot), messages.slice(slot + 1)];
    const key = JSON.stringify([lead, message.role, tail]);
    const frame = frames.get(key) ?? { key, lead, role: message.role, tail, texts: [] };
    frame.texts.push(message.content);
    frames.set(key, frame);
  }
  return [...frames.values()].sort((a, b) => b.texts.length - a.texts.length || inCodeUnitOrder(a.key, b.key));
}

/** How many prompts are in frames that are frequent enough. */
function coverage(frames: readonly Frame[], least: number): number {
  return frames.reduce((sum, { texts }) => sum + (texts.length >= least ? texts.length : 0), 0);
}

function startsWithMessages(messages: readonly Message[], expected: readonly Message[], from: number): boolean {
  return expected.every(({ role, content }, index) => {
    const message = messages[from + index];
    return message?.role === role && message.content === content;
  });
}
