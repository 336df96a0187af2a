import { paretoChart } from '../../../src/report/html/pareto-chart.ts';
import type { Report } from '../../../src/report/report.ts';
import { sampleReport } from '../sample-report.ts';
import { figure, readPage, withClass } from './page-text.ts';
import { STATES } from './report-states.ts';

/** The drawing for a desk, as a page's text. */
const drawing = (report: Report) => (paretoChart(report)?.source ?? '').split('</svg>')[0] ?? '';
const tagsOf = (report: Report) => readPage(drawing(report)).tags;

test('the bar of an interval reaches as far up and down as the interval', () => {
  const report = sampleReport();
  const [baseline] = withClass(tagsOf(report), 'line', 'baseline');
  const [square] = withClass(tagsOf(report), 'rect', 'baseline').filter(
    ({ attributes }) => !attributes.some(([, value]) => value.includes('hollow')),
  );
  const { score, scoreInterval } = report.baseline;
  if (!baseline || !square || score === null || !scoreInterval) throw new Error('a baseline expected');
  const middle = figure(square, 'y') + figure(square, 'height') / 2;
  const [low, high] = [figure(baseline, 'y1'), figure(baseline, 'y2')];
  expect(low).toBeGreaterThan(high);
  expect((low - middle) / (low - high)).toBeCloseTo(
    (score - scoreInterval.low) / (scoreInterval.high - scoreInterval.low),
    1,
  );
});

test('costs that span decades are on a log scale, others are not', () => {
  expect(drawing(sampleReport())).toContain('USD per 1,000 requests, log scale');
  expect(drawing(STATES['generation by an LLM']?.() ?? sampleReport())).toContain('USD per 1,000 requests</text>');
});

test('a model of zero or unknown cost has a place of its own', () => {
  expect(drawing(STATES['a cost of nothing']?.() ?? sampleReport())).toContain('>$0</text>');
  expect(drawing(STATES['unknown costs']?.() ?? sampleReport())).toContain('>unknown</text>');
  expect(drawing(sampleReport())).not.toContain('>unknown</text>');
});

test('a cached prefix moves the baseline to the left', () => {
  const squares = withClass(tagsOf(sampleReport()), 'rect', 'baseline').map(
    (tag) => figure(tag, 'x') + figure(tag, 'width') / 2,
  );
  const [, , cached = 0, uncached = 0] = squares;
  expect(squares.length).toBeGreaterThanOrEqual(4);
  expect(cached).toBeLessThan(uncached);
});

test('a baseline without a score is a line at its cost', () => {
  const report = STATES['the quality of the baseline is unknown']?.() ?? sampleReport();
  expect(withClass(tagsOf(report), 'line', 'bound')).toHaveLength(3);
  expect(drawing(report)).toContain('quality unknown');
});

test('without any score there is no chart', () => {
  const { baseline } = sampleReport();
  const nothing = { ...baseline, score: null, scoreInterval: null };
  expect(
    paretoChart(sampleReport({ baseline: nothing, winnerJudged: null, alternatives: [], candidates: [] })),
  ).toBeNull();
});
