import { countTokens, decode, encode } from 'gpt-tokenizer/encoding/o200k_base';
import { LRUCache } from 'lru-cache';

/** The part of a chat message that costs tokens. */
export interface CountedMessage {
  readonly role: string;
  readonly content: string;
}

// A text may hold "<|endoftext|>" and the like: here they are plain letters.
const PLAIN = { disallowedSpecial: new Set<string>() };
/** Shorter texts are counted anew, because they seldom repeat. */
const SHORTEST_CACHED = 200;
const cache = new LRUCache<string, number>({ maxSize: 16 * 1024 * 1024 });

// The o200k_base pattern ends a token at every run of line breaks, so a text may be cut there without changing its count. Only
// before "/": `[^\s\p{L}\p{N}]+[\r\n/]*` can reach across.
const BREAK = /\n(?=[^\s/])/;

/**
 * Tokens of a text in `o200k_base`. Long texts are counted by line, and long lines are remembered: of a prompt that
 * comes with every call only the new part costs time.
 */
export function textTokens(text: string): number {
  if (text.length < SHORTEST_CACHED) return countTokens(text, PLAIN);
  const known = cache.get(text);
  if (known !== undefined) return known;
  let total = 0;
  // Paragraph by paragraph: a prompt whose last lines change keeps the count of its others.
  for (const block of blocksOf(text)) {
    let count = cache.get(block);
    if (count === undefined) {
      count = countTokens(block, PLAIN);
      cache.set(block, count, { size: block.length + 64 });
    }
    total += count;
  }
  cache.set(text, total, { size: text.length + 64 });
  return total;
}

/** Pieces of about 400 characters or more, cut behind line breaks. */
function blocksOf(text: string): string[] {
  const blocks: string[] = [];
  let block = '';
  let first = true;
  for (const line of text.split(BREAK)) {
    // The separator is one "\n": it goes back to the end of the line that it closed.
    if (!first) block += '\n';
    first = false;
    if (block.length >= 400) {
      blocks.push(block);
      block = '';
    }
    block += line;
  }
  blocks.push(block);
  return blocks;
}

/** Tokens of a chat: 3 a message, its role and its content, and 3 that open the answer (OpenAI's cookbook formula). */
export function chatTokens(messages: readonly CountedMessage[]): number {
  let total = 3;
  for (const message of messages) total += 4 + textTokens(message.content);
  return total;
}

/** The first `most` tokens of a text, and whether anything was cut off. */
export function truncated(text: string, most: number): { text: string; tokens: number; cut: boolean } {
  const tokens = encode(text, PLAIN);
  if (tokens.length <= most) return { text, tokens: tokens.length, cut: false };
  return { text: decode(tokens.slice(0, most)), tokens: most, cut: true };
}
