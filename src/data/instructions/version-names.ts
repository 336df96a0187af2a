import type { PromptTemplate, TemplateVersion } from '@tuneloop/app/internal/prompt/prompt-template';

const WORDS = 6;
const LONGEST = 60;

/** Gives each version a name: the first words of its constant text that no other version begins with. */
export function nameVersions({ versions }: PromptTemplate): PromptTemplate {
  const texts = versions.map(constantWords);
  const taken = new Set<string>();
  return {
    versions: versions.map((version, index) => {
      const words = texts[index] ?? [];
      const others = texts.filter((_, other) => other !== index);
      const from = Math.max(0, ...others.map((other) => commonLength(words, other)));
      const own = words
        .slice(from, from + WORDS)
        .join(' ')
        .slice(0, LONGEST);
      const plain = own === '' ? `${index + 1}` : own;
      const name = taken.has(plain) ? `${plain} (${index + 1})` : plain;
      taken.add(name);
      return { ...version, name };
    }),
  };
}

function constantWords({ messages }: TemplateVersion): string[] {
  const text = messages.flatMap(({ parts }) => parts.filter((part) => typeof part === 'string')).join(' ');
  return text.split(/\s+/).filter((word) => word !== '');
}

function commonLength(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
