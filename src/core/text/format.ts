import type { Interval } from '../evaluation/statistics.ts';

/** How figures are written, in the terminal, in Markdown and in the Web UI alike. */

/** A share as a percentage with one decimal: 0.9137 is `91.4 %`. */
export function percentText(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A score with its interval, where it has one: `81.6 % [71.4, 88.7]`. */
export function scoreText(score: number, interval: Interval | null): string {
  const ends = interval && [interval.low, interval.high].map((end) => (end * 100).toFixed(1));
  return ends ? `${percentText(score)} [${ends.join(', ')}]` : percentText(score);
}

/** A p-value with two digits: `0.0074`, and `< 0.0001` for those below. */
export function pValueText(p: number): string {
  return p < 0.0001 ? '< 0.0001' : String(Number(p.toPrecision(2)));
}

/** A difference of shares in points, with its sign: 0.0137 is `+1.4`. */
export function signedPoints(difference: number): string {
  const text = (difference * 100).toFixed(1);
  return text === '-0.0' || text === '0.0' ? '0.0' : `${difference > 0 ? '+' : ''}${text}`;
}

/** An amount in USD, with enough digits to tell small amounts apart: `$12.34`, `$0.0123`, `$0.00000123`. */
export function usdText(usd: number): string {
  if (usd === 0) return '$0';
  if (Math.abs(usd) >= 1) return `$${usd.toFixed(2)}`;
  const digits = Math.min(9, 2 - Math.floor(Math.log10(Math.abs(usd))));
  return `$${usd.toFixed(digits)}`;
}

/** Milliseconds with their significant digits. */
export function millisecondsText(ms: number): string {
  return ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** Seconds as `42 s`, `3 min 05 s` or `1 h 12 min`. */
export function durationText(seconds: number): string {
  if (seconds < 1) return '< 1 s';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** A comparison of costs, from the saving in percent: `93.2 % cheaper`, `over 99.9 % cheaper`, `12.0 % dearer`. */
export function savingText(percent: number): string {
  // Rounded up to 100 % it would say that the winner costs nothing.
  if (percent > 99.9) return 'over 99.9 % cheaper';
  return percent >= 0 ? `${percent.toFixed(1)} % cheaper` : `${(-percent).toFixed(1)} % dearer`;
}

/** External text, made safe for a Markdown table cell of one line. */
export function escapeMarkdown(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|#]/g, '\\$&');
}

/** As {@link plainText}, on one line. */
export function plainLine(text: string): string {
  return plainText(text).replace(/\s+/g, ' ').trim();
}

/** External text without the characters that move a terminal's cursor, colour its text or reverse it. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed here
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
}
