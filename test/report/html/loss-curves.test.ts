import { lossCurves } from '../../../src/report/html/loss-curves.ts';
import { sampleReport } from '../sample-report.ts';
import { figure, readPage, withClass } from './page-text.ts';

const source = lossCurves(sampleReport())?.source ?? '';

test('the job that reached most comes first', () => {
  const names = [...source.matchAll(/<strong>([^<]*)<\/strong>/g)].map(([, name]) => name);
  expect(names).toHaveLength(8);
  expect(names.slice(0, 2)).toEqual(['local-base-lr2-e4', 'local-base-lr1-e4']);
});

test('each stopped job has a cross where both of its curves end', () => {
  const stopped = sampleReport().curves.filter(({ stoppedAfterEpoch }) => stoppedAfterEpoch !== null);
  const { tags } = readPage(source);
  expect(withClass(tags, 'path', 'stop')).toHaveLength(2 * stopped.length);
  expect(source).toContain('stopped after epoch 1 of 4');
});

test('epochs are equally far apart, and a job that was stopped ends at its own', () => {
  const panel = source.split('<figure').find((each) => each.includes('stopped after epoch 2 of 4')) ?? '';
  const [first = 0, second = 0] = withClass(
    readPage(`<figure${panel}`.replace(/<figure[^>]*>/, '')).tags,
    'circle',
    'trace',
  ).map((tag) => figure(tag, 'cx'));
  expect(second - first).toBeCloseTo(58, 0);
});

test('a provider that does not say how many steps there are loses no curve', () => {
  const { curves } = sampleReport();
  const unknown = curves.map((curve) => ({
    ...curve,
    points: curve.points.map((point) => ({ ...point, totalSteps: null })),
  }));
  expect(lossCurves(sampleReport({ curves: unknown }))?.source).toBe(source);
});

test('without points there is no chart', () => {
  expect(
    lossCurves(sampleReport({ curves: [{ candidate: 'a', points: [], plannedEpochs: 3, stoppedAfterEpoch: null }] })),
  ).toBeNull();
});
