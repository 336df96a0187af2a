import { percentText } from '../../core/text/format.ts';
import type { Report } from '../report.ts';
import { confusionMatrix } from './confusion-matrix.ts';
import { dataTable } from './data-table.ts';
import { html, type Markup } from './markup.ts';
import { folded, orDash } from './section.ts';

/** At most this many labels have a row in a table. */
export const MOST_ROWS = 500;

/** The winner's classification of the judging rows, label by label; null for other tasks. */
export function classificationSection(report: Report): Markup | null {
  const { classification } = report;
  if (!classification || classification.n === 0) return null;
  const { labels } = classification;
  return html`${confusionMatrix(classification)}
${folded(
  `Precision and recall of ${labels.length} labels`,
  html`${dataTable({
    caption: 'Label by label',
    columns: [
      { name: 'label' },
      { name: 'rows', numeric: true },
      { name: 'precision', numeric: true },
      { name: 'recall', numeric: true },
      { name: 'F1', numeric: true },
    ],
    rows: labels.slice(0, MOST_ROWS).map(({ label, rows, precision, recall, f1 }) => ({
      cells: [label, rows, orDash(precision, percentText), orDash(recall, percentText), percentText(f1)],
    })),
  })}${labels.length > MOST_ROWS ? html`<p class="note">${labels.length - MOST_ROWS} labels with fewer rows are left out.</p>` : null}`,
)}`;
}
