import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import {
  literalsBefore,
  type PromptTemplate,
  stripInstructions,
  type TemplateVersion,
} from '@tuneloop/app/internal/prompt/prompt-template';
import { countWords } from './affixes.ts';
import { mineTemplate } from './template-mining.ts';

/** Constant words that one version must have for it to hold the instructions of all. */
const FEWEST_WORDS = 6;
const QUORUM = 0.97;
/** Text of at least this many words behind a label is a document, and no wording of the instructions. */
const WORDS_OF_A_DOCUMENT = 40;
/** Labels and tags of instructions. */
const OF_INSTRUCTIONS = /instruction|rule|guideline|system|task|role|prompt|example|format|style|tone|polic|criteri/i;

/**
 * Makes the versions of one layout a single version with a slot where they differ.
 *
 * @param what `all`: wherever they share instructions. `data`: only where they differ in a labelled document, such as a retrieved text that
 * many requests were given, which passes for a part of the instructions.
 * @returns undefined where nothing is to be merged
 */
export function mergeVersions(
  template: PromptTemplate,
  prompts: readonly { messages: Message[] }[],
  what: 'all' | 'data',
): PromptTemplate | undefined {
  const layouts = [...Map.groupBy(template.versions, layoutOf).values()];
  const all = prompts.map(({ messages }) => messages);
  const versions = layouts.map((versions) => {
    if (versions.length < 2) return versions;
    const own = all.filter((messages) => 'slots' in stripInstructions({ versions }, messages));
    const merged = mergeOne(versions, own);
    return merged && (what === 'all' || differInDocument(merged, versions)) ? [merged] : versions;
  });
  return versions.flat().length < template.versions.length ? { versions: versions.flat() } : undefined;
}

function layoutOf({ messages }: TemplateVersion): string {
  return messages.map(({ role }) => role).join(' ');
}

function mergeOne(versions: readonly TemplateVersion[], prompts: readonly Message[][]): TemplateVersion | undefined {
  const [merged] = mineTemplate(prompts, { together: true }).versions;
  if (!merged || wordsOf(merged) < FEWEST_WORDS) return undefined;
  const fitting = prompts.filter((messages) => 'slots' in stripInstructions({ versions: [merged] }, messages)).length;
  return fitting >= QUORUM * prompts.length && wordsOf(merged) < Math.min(...versions.map(wordsOf))
    ? merged
    : undefined;
}

function wordsOf({ messages }: TemplateVersion): number {
  return messages.reduce(
    (sum, { parts }) =>
      sum + parts.reduce((words, part) => words + (typeof part === 'string' ? countWords(part) : 0), 0),
    0,
  );
}

/** Whether versions differ in a long text behind a label or a tag that is none of instructions. */
function differInDocument(merged: TemplateVersion, versions: readonly TemplateVersion[]): boolean {
  const own = Math.min(...versions.map(wordsOf)) - wordsOf(merged);
  return own >= WORDS_OF_A_DOCUMENT && literalsBefore(merged.messages).some(isDocumentLabel);
}

function isDocumentLabel(literal: string): boolean {
  const label = /(?:<([A-Za-z][\w-]*)[^<>\n]*>|(?:^|\n)[#>*_ -]*(\p{L}[^\n:]{0,40}):[*_]*)\s*["'`]*\s*$/u.exec(literal);
  const name = label?.[1] ?? label?.[2];
  return name !== undefined && !OF_INSTRUCTIONS.test(name);
}
