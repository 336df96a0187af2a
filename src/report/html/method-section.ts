import { percentText, signedPoints } from '../../core/text/format.ts';
import type { Report } from '../report.ts';
import { html, type Markup } from './markup.ts';
import { countText } from './section.ts';

/** The way to the verdict, in a few lines. */
export function methodSection(report: Report): Markup {
  const { candidates, dataset, judgedOn, comparison, champion, alternatives } = report;
  const checkpoints = candidates.reduce((sum, each) => sum + each.checkpoints.length, 0);
  const used = [comparison, champion?.comparison, ...alternatives.map((each) => each.comparison)].flatMap(
    (each) => each?.test ?? [],
  );
  const tests = [
    ...(used.includes('mcnemar') ? ['the exact McNemar test for rights and wrongs'] : []),
    ...(used.includes('sign-flip') ? ['a sign-flip permutation test for graded scores'] : []),
  ];
  const judging =
    judgedOn === 'test'
      ? html`The winner met the baseline once, on ${countText(dataset.test)} test rows that have chosen nothing.`
      : html`There are no test rows: the rows that chose the winner judge it as well, which flatters it.`;
  return html`<ul>
<li>${candidates.length} candidates and ${checkpoints} checkpoints were compared on ${countText(dataset.validation)} validation rows. Of those
that keep the limits of the pipeline and lie on the front of quality, cost and p95, the cheapest wins that is hardly worse than the best.</li>
<li>${judging} ${tests.length > 0 ? `Compared by ${tests.join(' and ')}.` : null}</li>
<li>Intervals are 95 %: Wilson's for shares, of a Bayesian posterior for paired differences, between ranks for p95. ${
    comparison
      ? html`Non-inferior means: at most ${signedPoints(comparison.margin).replace('+', '')} points behind, with a probability of 97.5 %; here it is ${comparison.nonInferiority > 0.999 ? 'over 99.9 %' : percentText(comparison.nonInferiority)}.`
      : null
  }</li>
<li>${optimismText(report)}</li>
</ul>`;
}

/** The optimism of the choice, as estimated and as observed. */
function optimismText({ candidates, winner, winnerJudged, judgedOn, optimism }: Report): string {
  const chosen = candidates.flatMap((each) => [each, ...each.checkpoints]).find(({ id }) => id === winner)?.validation;
  if (!chosen) return 'There is no winner whose scores could be compared.';
  const flattered =
    optimism === null
      ? ''
      : ` The best of several looks better on the rows that chose it than it is, here probably by ${signedPoints(optimism)} points.`;
  if (judgedOn !== 'test' || winnerJudged?.score == null)
    return `Validation score of the winner: ${percentText(chosen.score)}.${flattered}`;
  const gap = winnerJudged.score - chosen.score;
  return `Validation score of the winner: ${percentText(chosen.score)}, test score: ${percentText(winnerJudged.score)}, ${signedPoints(gap)} points.${flattered}`;
}
