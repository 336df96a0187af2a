import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type { Part, PromptTemplate, TemplateVersion } from '@tuneloop/app/internal/prompt/prompt-template';

/** Code units shown of the difference. */
const CONTEXT = 30;

/**
 * The place where a prompt that follows no version leaves the version that it follows longest, with a few characters of both. For people
 * who have asked to see their rows, because it quotes the prompt. Undefined where the template has no version.
 */
export function differenceFrom({ versions }: PromptTemplate, messages: readonly Message[]): string | undefined {
  const differences = versions.map((version) => differenceFromVersion(version, messages));
  return differences.toSorted((a, b) => b.followed - a.followed)[0]?.text;
}

interface Difference {
  /** Code units of constant text before it. */
  followed: number;
  text: string;
}

function differenceFromVersion({ messages: known }: TemplateVersion, messages: readonly Message[]): Difference {
  let followed = 0;
  for (let index = 0; index < Math.max(known.length, messages.length); index += 1) {
    const [want, found] = [known[index], messages[index]];
    if (!want || want.role !== found?.role) {
      const text = `message ${index + 1}: ${found?.role ?? 'nothing'} in place of ${want?.role ?? 'nothing'}`;
      return { followed, text };
    }
    const left = placeIn(want.parts, found.content);
    if (left) {
      const [there, wanted] = [found.content.slice(left.place), left.want].map((text) =>
        JSON.stringify(text.slice(0, CONTEXT)),
      );
      const place = `message ${index + 1} (${found.role}), character ${left.place + 1}`;
      return { followed: followed + left.followed, text: `${place}: ${there} in place of ${wanted}` };
    }
    followed += want.parts.reduce((sum, part) => sum + (typeof part === 'string' ? part.length : 0), 0);
  }
  return { followed, text: 'the text between two slots stands there twice, so that it is unclear where they end' };
}

/** The first place where constant text is missing; undefined where all of it is there. */
function placeIn(
  parts: readonly Part[],
  content: string,
): { place: number; want: string; followed: number } | undefined {
  let place = 0;
  let followed = 0;
  for (const [index, part] of parts.entries()) {
    if (typeof part !== 'string') continue;
    if (index === 0) {
      const common = commonLength(part, content);
      const isLonger = parts.length === 1 && content.length > part.length;
      if (common < part.length || isLonger) return { place: common, want: part.slice(common), followed: common };
      place = common;
    } else if (index === parts.length - 1) {
      const isThere = content.length >= place + part.length && content.endsWith(part);
      if (!isThere) return { place: Math.max(place, content.length - CONTEXT), want: part, followed };
    } else {
      const start = content.indexOf(part, place);
      if (start === -1) return { place, want: part, followed };
      place = start + part.length;
    }
    followed += part.length;
  }
  return undefined;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return length;
}
