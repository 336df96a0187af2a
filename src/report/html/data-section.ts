import { ISSUES } from '../../core/dataset/issue.ts';
import type { Report } from '../report.ts';
import { MOST_ROWS } from './classification-section.ts';
import { dataTable } from './data-table.ts';
import { html, type Markup } from './markup.ts';
import { countText, folded } from './section.ts';

const EFFECTS = { drop: 'left out', mend: 'changed', note: 'kept' } as const;
const PLACES_SHOWN = 3;

/** The origin and the use of the run's rows. */
export function dataSection(report: Report): Markup {
  const { data, dataset } = report;
  const { all, nearDuplicates } = data.groups;
  const redactions = Object.entries(data.redactions).filter(([, count]) => count > 0);
  const versions = data.templateVersions > 1 ? `, and ${data.templateVersions} versions of the prompt` : '';
  return html`<p>Dataset version <code>${dataset.version}</code>, made of ${countText(data.rowsRead)} rows${versions}.</p>
${sidesBar(dataset)}
<p>${countText(all)} groups of inputs stay on one side each; ${countText(nearDuplicates)} of them hold inputs that are similar but not
equal. The split is by ${data.split.by === 'time' ? 'time' : `hash, with seed ${data.split.seed}`}.${
    redactions.length > 0
      ? html` Replaced: ${redactions.map(([type, count]) => `${countText(count)} ${type.replaceAll('_', ' ')}`).join(', ')}.`
      : null
  }</p>
${issuesTable(data.verdicts)}
${labelsTable(data.labels)}`;
}

/** Rows by their use, as one bar. */
function sidesBar({ train, validation, test, dropped }: Report['dataset']): Markup {
  const parts = [
    { kind: 'train', rows: train, does: 'trains' },
    { kind: 'validation', rows: validation, does: 'chooses the winner' },
    { kind: 'test', rows: test, does: 'judges it' },
    { kind: 'dropped', rows: dropped, does: 'left out' },
  ];
  const all = Math.max(1, train + validation + test + dropped);
  const said = parts.map(({ kind, rows }) => `${kind} ${rows}`).join(', ');
  let x = 0;
  const bars = parts.map(({ kind, rows }) => {
    const from = x;
    x += (rows / all) * 1000;
    return html`<rect class="${kind}" x="${from}" y="0" width="${Math.max(0, x - from - 2)}" height="22"/>`;
  });
  return html`<figure><svg class="bar" role="img" aria-labelledby="sides-title sides-desc" viewBox="0 0 1000 22" width="1000" height="22" preserveAspectRatio="none"><title id="sides-title">Rows by side</title><desc id="sides-desc">${said}</desc>${bars}</svg>
<figcaption><ul class="legend">${parts.map(
    ({ kind, rows, does }) =>
      html`<li><svg class="key" aria-hidden="true" viewBox="0 0 18 18" width="18" height="18"><rect class="${kind}" x="2" y="2" width="14" height="14"/></svg><b>${countText(rows)}</b> ${kind}, ${does}</li>`,
  )}</ul></figcaption></figure>`;
}

function issuesTable(issues: Report['data']['verdicts']): Markup | null {
  if (issues.length === 0) return null;
  // A version may have been made by a release with other names of issues.
  const known: Partial<Record<string, { effect: keyof typeof EFFECTS; what: string }>> = ISSUES;
  const order = { drop: 0, mend: 1, note: 2 };
  const rank = (issue: string) => order[known[issue]?.effect ?? 'note'];
  return dataTable({
    caption: 'What was odd with rows',
    cards: true,
    columns: [
      { name: 'issue' },
      { name: 'rows', numeric: true },
      { name: 'rows are' },
      { name: 'what it means' },
      { name: 'first at' },
    ],
    rows: issues
      .toSorted((a, b) => rank(a.verdict) - rank(b.verdict))
      .map(({ verdict: issue, rows, places }) => ({
        cells: [
          issue,
          countText(rows),
          EFFECTS[known[issue]?.effect ?? 'note'],
          known[issue]?.what ?? '',
          html`<span class="places">${places.slice(0, PLACES_SHOWN).join(', ')}</span>`,
        ],
      })),
  });
}

function labelsTable(labels: Report['data']['labels']): Markup | null {
  if (!labels) return null;
  const all = Object.entries(labels).toSorted(([, a], [, b]) => b.train - a.train);
  const left = all.length - MOST_ROWS;
  return folded(
    `${countText(all.length)} labels by side`,
    html`${dataTable({
      caption: 'Labels by side',
      columns: [
        { name: 'label' },
        { name: 'train', numeric: true },
        { name: 'validation', numeric: true },
        { name: 'test', numeric: true },
      ],
      rows: all.slice(0, MOST_ROWS).map(([label, { train, validation, test }]) => ({
        cells: [label, countText(train), countText(validation), countText(test)],
      })),
    })}${left > 0 ? html`<p class="note">${left} labels with fewer rows are left out.</p>` : null}`,
  );
}
