import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type { PromptTemplate, TemplateVersion } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Example } from '../../core/dataset/row.ts';
import { countMessages } from '../../data/rows/provider-limits.ts';

/** The number of tokens at its beginning that a prompt shares with all others of its version, which a provider may cache. */
export function prefixTokensOf(template: PromptTemplate): (example: Pick<Example, 'version'>) => number {
  const opensTheReply = countMessages([]);
  const counts = template.versions.map((version) => countMessages(prefixOf(version)) - opensTheReply);
  // A bare input is put into the most frequent prompt, which is the first one.
  return ({ version = 0 }) => counts[version] ?? 0;
}

/** The messages up to the first slot, the last of them up to there. */
function prefixOf({ messages }: TemplateVersion): Message[] {
  const prefix: Message[] = [];
  for (const { role, parts } of messages) {
    const slot = parts.findIndex((part) => typeof part !== 'string');
    const constant = slot === -1 ? parts : parts.slice(0, slot);
    prefix.push({ role, content: constant.filter((part) => typeof part === 'string').join('') });
    if (slot !== -1) break;
  }
  return prefix;
}
