import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import {
  type PromptTemplate,
  type StrippedPrompt,
  stripInstructions,
} from '../../../packages/app/src/prompt/prompt-template.ts';

export interface SingleSlot {
  lead: Message[];
  role: Message['role'];
  prefix: string;
  suffix: string;
  tail?: Message[];
  rows: number;
}

/** The versions of a template that has one slot of kind `input` in each of them. */
export function singleSlots({ versions }: PromptTemplate): SingleSlot[] {
  return versions.map(({ messages, slots, rows }) => {
    expect(slots).toMatchObject([{ kind: 'input' }]);
    const contents = messages.map(({ role, parts }) => ({
      role,
      content: parts.map((part) => (typeof part === 'string' ? part : MARK)).join(''),
    }));
    const place = contents.findIndex(({ content }) => content.includes(MARK));
    const { role = 'user', content = '' } = contents[place] ?? {};
    const [prefix = '', suffix = ''] = content.split(MARK);
    const tail = contents.slice(place + 1);
    return { lead: contents.slice(0, place), role, prefix, suffix, ...(tail.length > 0 ? { tail } : {}), rows };
  });
}

const MARK = '\u0000slot\u0000';

/** @throws Error if the prompt does not follow the template. */
export function strip(template: PromptTemplate, prompt: readonly Message[]): StrippedPrompt {
  const stripped = stripInstructions(template, prompt);
  if ('mismatch' in stripped) throw new Error(stripped.mismatch);
  return stripped;
}
