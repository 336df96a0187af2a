import { plainText } from '../../core/text/format.ts';

/** The values of a template: strings are text from anywhere and get escaped; only the output of another template stays unchanged. */
export type Value = Markup | string | number | null | readonly Value[];

/** Text of a page that is safe, because `html` alone makes it. */
class Markup {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

export type { Markup };

/** A piece of HTML or SVG from a template. Its values stand between tags, or in attributes in double quotes. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Markup {
  return new Markup(parts.reduce((source, part, index) => `${source}${sourceOf(values[index - 1] ?? null)}${part}`));
}

function sourceOf(value: Value): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  if (typeof value === 'string') return escapeText(value);
  return value instanceof Markup ? value.source : value.map(sourceOf).join('');
}

/** A report is for reading: longer texts are cut. */
const LONGEST_TEXT = 1000;

const ENTITIES: Partial<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for an element or a quoted attribute: without control characters, halves of surrogate pairs and overrides of direction. */
export function escapeText(text: string): string {
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  return plainText(shown)
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
