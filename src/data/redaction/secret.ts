import { JSON_WEB_TOKEN, PROVIDER_KEY } from '../../core/text/redaction.ts';
import type { PiiSpan } from './pii.ts';

/** JSON web tokens, signed or encrypted. */
export function findWebTokens(text: string): PiiSpan[] {
  // Cheaper than the pattern, and nearly always enough.
  return text.includes('eyJ') ? matches(text, JSON_WEB_TOKEN) : [];
}

/** Keys as providers make them. They are random: a word without a digit is a word with hyphens. */
export function findProviderKeys(text: string): PiiSpan[] {
  return matches(text, PROVIDER_KEY).filter(({ value }) => /[\d*]/.test(value));
}

function matches(text: string, pattern: RegExp): PiiSpan[] {
  return Array.from(text.matchAll(pattern), ({ 0: value, index }) => ({
    start: index,
    end: index + value.length,
    value,
  }));
}
