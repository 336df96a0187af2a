import { html, type Markup, type Value } from './markup.ts';
import { DASH } from './section.ts';

export interface TableColumn {
  name: string;
  /** Figures are aligned on the right. */
  numeric?: boolean;
}

export interface TableRow {
  /** The first one names the row. */
  cells: readonly Value[];
  kind?: 'winner' | 'minor';
}

interface DataTable {
  caption: string;
  columns: readonly TableColumn[];
  rows: readonly TableRow[];
  /** On a phone each row becomes a card; else the table scrolls in its own box. */
  cards?: boolean;
}

/** A table in a box of its own, which scrolls where the table is too wide, with the keyboard too. */
export function dataTable({ caption, columns, rows, cards = false }: DataTable): Markup {
  return html`<div class="box" role="region" aria-label="${caption}" tabindex="0"><table class="${cards ? 'cards' : ''}" role="table">
<caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${columns.map(({ name, numeric }) => html`<th role="columnheader" scope="col" class="${numeric ? 'number' : ''}">${name}</th>`)}</tr></thead>
<tbody role="rowgroup">${rows.map((row) => tableRow(row, columns))}</tbody></table></div>`;
}

// The roles repeat what the tags say, because a browser forgets it when the style makes cards of them.
function tableRow({ cells, kind }: TableRow, columns: readonly TableColumn[]): Markup {
  return html`<tr role="row" class="${kind ?? ''}">${cells.map((cell, index) => {
    if (index === 0) return html`<th role="rowheader" scope="row" dir="auto">${cell}</th>`;
    const { name, numeric } = columns[index] ?? { name: '' };
    const kinds = [numeric ? 'number' : '', cell === '' || cell === DASH ? 'none' : ''].join(' ').trim();
    return html`<td role="cell" dir="auto" data-label="${name}" class="${kinds}">${cell}</td>`;
  })}</tr>
`;
}
