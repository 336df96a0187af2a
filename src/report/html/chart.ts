import { plainLine } from '../../core/text/format.ts';
import { html, type Markup, type Value } from './markup.ts';

/** A drawing of a certain size, in pixels where it is not scaled. */
export interface Drawing {
  width: number;
  height: number;
  content: Value;
}

const WIDE = 1000;
const NARROW = 340;

/** Whether there is room beside things, or only below them. */
export function isWide(width: number): boolean {
  return width > 600;
}

/**
 * A chart, drawn for a desk and for a phone: the style shows one of them, so that its text keeps a readable size.
 *
 * @param description the content in words, for people who do not see it.
 */
export function chart(id: string, title: string, description: string, draw: (width: number) => Drawing): Markup {
  return html`${[WIDE, NARROW].map((width) => {
    const size = isWide(width) ? 'wide' : 'narrow';
    return drawing(`${id}-${size}`, title, description, size, draw(width));
  })}`;
}

/** One drawing as an image with a name and a description. */
export function drawing(id: string, title: string, description: string, size: string, drawn: Drawing): Markup {
  const { width, height, content } = drawn;
  return html`<svg class="chart ${size}" role="img" aria-labelledby="${id}-title ${id}-desc" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title id="${id}-title">${title}</title><desc id="${id}-desc">${description}</desc>
${content}</svg>`;
}

/** The approximate width of a text, in pixels: exact widths depend on the reader's fonts. */
export function textWidth(text: string, size: number): number {
  let ems = 0;
  for (const character of text) ems += (character.codePointAt(0) ?? 0) >= 0x1100 ? 1 : 0.56;
  return ems * size;
}

/** A name on one line, cut to a number of characters. */
export function cutName(name: string, longest: number): string {
  const characters = [...plainLine(name.slice(0, longest * 8))];
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : characters.join('');
}

/** A line through points. */
export function polyline(points: readonly (readonly [x: number, y: number])[], kind: string): Markup {
  const places = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  return html`<polyline class="${kind}" points="${places}"/>`;
}
