import type { ClassificationFigures } from '../../core/evaluation/classification.ts';
import { percentText } from '../../core/text/format.ts';
import { cutName } from './chart.ts';
import { html, type Markup, type Value } from './markup.ts';
import { countText } from './section.ts';

/** If there are more labels than this, the most confused ones are shown. */
const MOST_LABELS = 20;
const PAIRS_NAMED = 5;

/** The labels that are taken for others, as shades of a table. */
export function confusionMatrix(figures: ClassificationFigures): Markup {
  const mistakes = figures.confusion.filter(({ label, answer }) => label !== answer);
  const labels = mostConfused(figures, mistakes);
  const rowsOf = new Map(figures.labels.map(({ label, rows }) => [label, rows]));
  const counts = new Map(labels.map((label) => [label, new Map<string | null, number>()]));
  for (const { label, answer, rows } of figures.confusion) counts.get(label)?.set(answer, rows);
  const answers: (string | null)[] = mistakes.some(({ answer }) => answer === null) ? [...labels, null] : labels;
  const others = labels.length < figures.labels.length;
  const title = 'Expected labels (rows) and what the winner has answered (columns)';
  return html`<div class="beside"><div class="box" role="region" aria-label="${title}" tabindex="0"><table class="matrix"><caption>${title}</caption>
<thead><tr><th scope="col">expected</th>${answers.map((answer) => html`<th scope="col" title="${answer ?? ''}"><span>${answer === null ? 'no label' : cutName(answer, 24)}</span></th>`)}${others ? html`<th scope="col"><span>others</span></th>` : null}</tr></thead>
<tbody>${labels.map((label) => matrixRow(label, answers, counts.get(label) ?? new Map(), rowsOf.get(label) ?? 0, others))}</tbody></table></div>
<div>${mistakesText(mistakes, rowsOf)}</div></div>
${leftOut(figures, labels, mistakes)}`;
}

/** All labels, or those with the most mistakes on either side, in the order of their rows. */
function mostConfused(figures: ClassificationFigures, mistakes: ClassificationFigures['confusion']): string[] {
  const all = figures.labels.map(({ label }) => label);
  if (all.length <= MOST_LABELS) return all;
  const involved = new Map<string, number>();
  for (const { label, answer, rows } of mistakes) {
    for (const name of [label, answer]) if (name !== null) involved.set(name, (involved.get(name) ?? 0) + rows);
  }
  const most = all.toSorted((a, b) => (involved.get(b) ?? 0) - (involved.get(a) ?? 0)).slice(0, MOST_LABELS);
  return all.filter((label) => most.includes(label));
}

function matrixRow(
  label: string,
  answers: readonly (string | null)[],
  counts: Map<string | null, number>,
  rows: number,
  others: boolean,
): Markup {
  const shown = answers.reduce((sum, answer) => sum + (counts.get(answer) ?? 0), 0);
  const cells: Value[] = answers.map((answer) => {
    const count = counts.get(answer) ?? 0;
    const kind = answer === label ? 'right' : 'wrong';
    return html`<td class="${count === 0 ? '' : `${kind}${shade(count / Math.max(1, rows))}`}">${count === 0 ? '·' : count}</td>`;
  });
  return html`<tr><th scope="row" dir="auto">${cutName(label, 32)}</th>${cells}${others ? html`<td>${rows - shown === 0 ? '·' : rows - shown}</td>` : null}</tr>
`;
}

/** From 1 to 5, by the share of the label's rows. */
function shade(share: number): number {
  return [0.05, 0.15, 0.35, 0.7].filter((bound) => share >= bound).length + 1;
}

function mistakesText(mistakes: ClassificationFigures['confusion'], rowsOf: ReadonlyMap<string, number>): Markup {
  if (mistakes.length === 0) return html`<p>No mistakes.</p>`;
  const all = mistakes.reduce((sum, { rows }) => sum + rows, 0);
  return html`<p>The most frequent of ${countText(all)} mistakes:</p><ul class="mistakes">${mistakes
    .slice(0, PAIRS_NAMED)
    .map(
      ({ label, answer, rows }) =>
        html`<li><b>${rows}</b> of ${rowsOf.get(label) ?? 0} <bdi>${label}</bdi> answered ${answer === null ? 'with no label' : html`as <bdi>${answer}</bdi>`}</li>`,
    )}</ul>`;
}

function leftOut(
  figures: ClassificationFigures,
  labels: readonly string[],
  mistakes: ClassificationFigures['confusion'],
): Markup {
  const left = figures.labels.length - labels.length;
  const shades = html`<p class="note">Shades go by the share of the label's rows; a dot is 0. Accuracy ${percentText(figures.accuracy)}, macro-F1
${percentText(figures.macroF1)}, no label ${percentText(figures.invalid)}, on ${countText(figures.n)} rows.</p>`;
  if (left === 0) return shades;
  const shown = new Set(labels);
  const hidden = mistakes.reduce((sum, { label, rows }) => sum + (shown.has(label) ? 0 : rows), 0);
  return html`${shades}<p class="note">The ${labels.length} most confused labels of ${figures.labels.length} are shown. ${left} are left
out, with ${countText(hidden)} mistakes on their rows.</p>`;
}
