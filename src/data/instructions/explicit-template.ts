import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type {
  Part,
  PromptTemplate,
  Slot,
  TemplateMessage,
  TemplateVersion,
} from '@tuneloop/app/internal/prompt/prompt-template';
import { TuneloopError } from '../../errors.ts';

/** A prompt as its author wrote it: one text for a prompt of one user message, or its messages. */
export type GivenTemplate = string | readonly { role: Message['role']; content: string }[];

const SLOT = /(?<!\\)\{\{\s*(\p{L}[\p{L}\p{N}_-]*)\s*\}\}/gu;
/** A backslash before braces makes them text. */
const ESCAPED = /\\(?=\{\{)/g;

/**
 * Reads prompts in which `{{name}}` marks the slots, and `\\{{` stands for braces themselves. A name says what a slot holds: `date`, `time`, `today`, `now` and
 * `timestamp` a date, `id`, `uuid` and what ends in `_id` an id, `examples` and `few_shots` examples; others an input.
 *
 * @throws TuneloopError PIPELINE_INVALID with one line for each template that cannot be used.
 */
export function parseTemplates(given: readonly GivenTemplate[]): PromptTemplate {
  const versions = given.map(parseTemplate);
  const texts = versions.map(({ messages }) => JSON.stringify(messages));
  const problems = versions.flatMap((version, index) => {
    const twin = texts.indexOf(texts[index] ?? '');
    const problem = twin < index ? `is the same as clean.instructions.templates[${twin}]` : problemOf(version);
    return problem === undefined ? [] : [`clean.instructions.templates[${index}] ${problem}`];
  });
  if (versions.length === 0) problems.push('clean.instructions.templates has no template: give one, or write `auto`');
  if (problems.length > 0) throw new TuneloopError('PIPELINE_INVALID', problems.join('\n'));
  return { versions };
}

function parseTemplate(given: GivenTemplate): TemplateVersion {
  const slots: Slot[] = [];
  const messages = typeof given === 'string' ? [{ role: 'user' as const, content: given }] : given;
  return {
    messages: messages.map(({ role, content }): TemplateMessage => {
      const parts: Part[] = [];
      let from = 0;
      for (const { 0: marker, 1: name = '', index } of content.matchAll(SLOT)) {
        if (index > from) parts.push(content.slice(from, index).replace(ESCAPED, ''));
        parts.push({ slot: slots.length });
        slots.push({ name, kind: kindOf(name) });
        from = index + marker.length;
      }
      if (from < content.length || parts.length === 0) parts.push(content.slice(from).replace(ESCAPED, ''));
      return { role, parts };
    }),
    slots,
    rows: 0,
  };
}

function kindOf(name: string): Slot['kind'] {
  const plain = name.toLowerCase().replaceAll('-', '_');
  if (/^(?:date|time|today|now|timestamp)$/.test(plain)) return 'date';
  if (/^(?:.*_)?(?:id|uuid)$/.test(plain)) return 'id';
  return /^(?:examples|few_?shots)$/.test(plain) ? 'few-shots' : 'input';
}

function problemOf({ messages, slots }: TemplateVersion): string | undefined {
  const names = slots.map(({ name }) => name);
  if (slots.length === 0) return 'has no slot: write {{name}} where the input stands';
  const doubled = names.find((name, index) => names.indexOf(name) < index);
  if (doubled !== undefined) return `has {{${doubled}}} twice: give each slot a name of its own`;
  for (const { parts } of messages) {
    const touching = parts.findIndex(
      (part, index) => index > 0 && typeof part !== 'string' && typeof parts[index - 1] !== 'string',
    );
    const [left, right] = [parts[touching - 1], parts[touching]];
    if (touching !== -1 && typeof left === 'object' && typeof right === 'object') {
      const [a, b] = [names[left.slot], names[right.slot]];
      return `has {{${a}}} and {{${b}}} without text between them, so that they cannot be told apart: make them one slot`;
    }
    if (parts.filter((part) => typeof part !== 'string' && slots[part.slot]?.kind === 'few-shots').length > 1) {
      return 'has two slots of examples in one message: make them one slot';
    }
  }
  return slots.some(({ kind }) => kind === 'input')
    ? undefined
    : `has no slot for an input, only ${names.map((name) => `{{${name}}}`).join(', ')}: give the input another name`;
}
