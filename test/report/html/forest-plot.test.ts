import { forestPlot } from '../../../src/report/html/forest-plot.ts';
import { sampleReport } from '../sample-report.ts';
import { figure, readPage, type Tag, withClass } from './page-text.ts';

const report = sampleReport();
const comparisons = [report.comparison, ...report.alternatives.map(({ comparison }) => comparison)].filter(
  (each) => each !== null,
);
const [wide = '', narrow = ''] = (forestPlot(report)?.source ?? '').split('</svg>');

describe.each([
  ['on a desk', wide],
  ['on a phone', narrow],
])('%s', (_name, drawing) => {
  const { tags } = readPage(drawing);
  const one = (name: string, kind: string): Tag => {
    const [tag] = withClass(tags, name, kind);
    if (!tag) throw new Error(`no ${name} ${kind}`);
    return tag;
  };
  const lines = withClass(tags, 'line', 'difference');
  const dots = withClass(tags, 'circle', 'difference');
  const zero = figure(one('line', 'zero'), 'x1');
  const perPoint = (zero - figure(one('line', 'margin'), 'x1')) / 0.01;

  test('each interval is drawn from its lower to its higher end, with the difference between', () => {
    expect(lines).toHaveLength(comparisons.length);
    for (const [index, { interval, difference }] of comparisons.entries()) {
      const [line, dot] = [lines[index], dots[index]];
      if (!line || !dot) throw new Error('a line and a dot expected');
      expect(figure(line, 'x1')).toBeCloseTo(zero + interval.low * perPoint, 0);
      expect(figure(line, 'x2')).toBeCloseTo(zero + interval.high * perPoint, 0);
      expect(figure(dot, 'cx')).toBeCloseTo(zero + difference * perPoint, 0);
      expect(figure(dot, 'cy')).toBe(figure(line, 'y1'));
    }
  });

  test('the area of a loss beyond the margin is shaded', () => {
    const beyond = one('rect', 'beyond');
    expect(figure(beyond, 'x') + figure(beyond, 'width')).toBeCloseTo(zero - 0.01 * perPoint, 0);
  });
});

test('without a comparison there is no plot', () => {
  expect(forestPlot(sampleReport({ comparison: null, alternatives: [] }))).toBeNull();
});
