import { signedPoints } from '../../core/text/format.ts';
import type { Flip, Report } from '../report.ts';
import { dataTable } from './data-table.ts';
import { html, type Markup } from './markup.ts';
import { countText, folded } from './section.ts';

/** Rows that winner and baseline answer with different scores; null where they were not compared. */
export function flipsSection({ flips, comparison }: Report): Markup | null {
  if (!flips) return null;
  return html`<p>Rows on which one is right and the other is not, or which one answers better. They are excerpts of the log.</p>
${flipsTable('Gained', 'the winner is better', flips.gained, comparison?.gained ?? flips.gained.length)}
${flipsTable('Lost', 'the baseline is better', flips.lost, comparison?.lost ?? flips.lost.length)}`;
}

function flipsTable(name: string, which: string, flips: readonly Flip[], all: number): Markup {
  const shown = flips.length < all ? `, ${flips.length} of them shown` : '';
  const summary = `${name}: ${countText(all)} rows on which ${which}${shown}`;
  if (flips.length === 0) return html`<p>${summary}.</p>`;
  return folded(
    summary,
    dataTable({
      caption: `${name}: ${which}`,
      cards: true,
      columns: [
        { name: 'row' },
        { name: 'input' },
        { name: 'expected' },
        { name: 'winner' },
        { name: 'baseline' },
        { name: 'points', numeric: true },
      ],
      rows: flips.map(({ id, input, expected, winner, baseline, difference }) => ({
        cells: [id, text(input), text(expected), text(winner), text(baseline), signedPoints(difference)],
      })),
    }),
  );
}

function text(of: string): Markup {
  return html`<span class="text">${of}</span>`;
}
