import type { MarkKind } from './mark.ts';
import { html, type Markup } from './markup.ts';

/** The shape of a mark around a place: kinds differ in form and filling as well as in colour. */
export function markShape(kind: MarkKind, x: number, y: number): Markup {
  switch (kind) {
    case 'winner':
      return html`<path class="mark winner" d="M${x} ${y - 8}L${x + 8} ${y}L${x} ${y + 8}L${x - 8} ${y}Z"/>`;
    case 'chosen':
      return html`<path class="mark hollow winner" d="M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z"/>`;
    case 'baseline':
      return html`<rect class="mark baseline" x="${x - 6}" y="${y - 6}" width="12" height="12"/>`;
    case 'cached':
      return html`<rect class="mark hollow baseline" x="${x - 4.5}" y="${y - 4.5}" width="9" height="9"/>`;
    case 'alternative':
      return html`<path class="mark alternative" d="M${x} ${y - 7}L${x + 7} ${y + 6}L${x - 7} ${y + 6}Z"/>`;
    case 'candidate':
      return html`<circle class="mark hollow candidate" cx="${x}" cy="${y}" r="5"/>`;
    case 'checkpoint':
      return html`<circle class="mark candidate" cx="${x}" cy="${y}" r="2.5"/>`;
  }
}
