import { html, type Markup, type Value } from './markup.ts';

/** A part of the page with its own heading. */
export interface Section {
  id: string;
  title: string;
  content: Value;
  /** Whether its figures may be those of the local trainer. */
  measured: boolean;
}

export function sectionMarkup({ id, title, content, measured }: Section, report: { localTrainer: boolean }): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-heading"><div class="heading"><h2 id="${id}-heading">${title}</h2>${measured ? localMark(report) : null}</div>
${content}</section>
`;
}

/** Content that is folded until a reader opens it. */
export function folded(summary: Value, content: Value): Markup {
  return html`<details><summary>${summary}</summary>${content}</details>`;
}

/** Marks figures that do not come from an LLM. */
export function localMark({ localTrainer }: { localTrainer: boolean }): Markup | null {
  return localTrainer ? html`<p class="local">local trainer, not an LLM</p>` : null;
}

export const DASH = '–';

export function orDash<T>(value: T | null, text: (value: T) => Value): Value {
  return value === null ? DASH : text(value);
}

/** A whole number with its thousands apart. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en');
}
