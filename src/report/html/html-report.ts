import type { Report } from '../report.ts';
import { candidatesTable } from './candidates-table.ts';
import { classificationSection } from './classification-section.ts';
import { costSection } from './cost-section.ts';
import { dataSection } from './data-section.ts';
import { flipsSection } from './flips-section.ts';
import { forestPlot } from './forest-plot.ts';
import { lossCurves } from './loss-curves.ts';
import { html, type Markup } from './markup.ts';
import { methodSection } from './method-section.ts';
import { paretoChart } from './pareto-chart.ts';
import { type Section, sectionMarkup } from './section.ts';
import { STYLE, STYLE_HASH } from './style.ts';
import { RECOMMENDATIONS, verdictHeader } from './verdict-header.ts';

/**
 * The report of a run as one HTML file for people: no script, nothing from elsewhere, light and dark, for the screen and for
 * paper. Text from outside is escaped, and the page's own policy lets a browser load and run nothing but its one style.
 */
export function htmlReport(report: Report): string {
  const sections = sectionsOf(report);
  const title = `${report.pipeline}: ${RECOMMENDATIONS[report.recommendation].text}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
${STYLE}
</head>
<body>
<a class="skip" href="#report">Skip to the report</a>
${verdictHeader(report)}
<nav aria-label="Contents"><ol>${sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`)}</ol></nav>
<main id="report">
${sections.map((section) => sectionMarkup(section, report))}</main>
<footer><p>Written by Tuneloop. Rows shown here are excerpts of the log: whoever has this file sees them.</p></footer>
</body>
</html>
`.source;
}

function sectionsOf(report: Report): Section[] {
  const labels = classificationSection(report);
  const flips = flipsSection(report);
  const measured = true;
  return [
    {
      id: 'quality-and-cost',
      title: 'Quality, cost and latency',
      content: paretoChart(report) ?? 'Nothing could be measured.',
      measured,
    },
    {
      id: 'differences',
      title: 'The winner against the others',
      content: forestPlot(report) ?? 'The winner could not be compared with another model on the same rows.',
      measured,
    },
    {
      id: 'curves',
      title: 'How the candidates learned',
      content: lossCurves(report) ?? 'The provider has reported no losses.',
      measured,
    },
    { id: 'candidates', title: 'Candidates', content: candidatesTable(report), measured },
    ...(labels ? [{ id: 'labels', title: 'Labels of the winner', content: labels, measured }] : []),
    ...(flips ? [{ id: 'flips', title: 'Rows that changed', content: flips, measured }] : []),
    { id: 'cost', title: 'Cost', content: costSection(report), measured },
    { id: 'data', title: 'Data', content: [dataSection(report), notes(report)], measured: false },
    { id: 'method', title: 'How this was found out', content: methodSection(report), measured: false },
  ];
}

function notes({ notes: all }: Report): Markup | null {
  return all.length === 0 ? null : html`<h3>Notes</h3><ul>${all.map((note) => html`<li>${note}</li>`)}</ul>`;
}
