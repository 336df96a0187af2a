import { endsEpoch } from '../../../../src/providers/training.ts';
import { JOB, JOBS, job } from './answers.ts';
import { type FireworksHost, fireworksHost } from './host.ts';

let host: FireworksHost;
beforeEach(async () => {
  host = await fireworksHost();
});
afterEach(() => host.close());

describe('the figures of a job at Fireworks', () => {
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  const TEXT = [
    line({ step: 1, 'train/loss': 1.5, 'train/lr': 0.0001, 'train/total_tokens': 106_622 }),
    line({ step: 2, 'train/loss': 1.25 }),
    line({ step: 2, 'eval/loss': 1.3 }),
    line({ step: '3', data: { 'train/loss': '1', 'train/epoch': 1 } }),
    'no JSON\n',
    '{"step": 4, "train/lo',
  ].join('');
  const url = (number: number) => `${host.storageOrigin}/metrics/${number}?Expires=1&Signature=0123456789abcdef01234`;
  const jobs = (...urls: (string | undefined)[]) => {
    host.routes[`GET ${JOBS}/${JOB}`] = urls.map((each) => ({ body: job({ metricsFileSignedUrl: each }) }));
  };

  test('lines become points: those of one step are one, and an evaluation ends an epoch', async () => {
    jobs(url(1));
    host.storage.answer = () => ({ body: TEXT });
    const points = await host.provider.training.listMetrics(JOB);
    expect(
      points.map(({ step, trainLoss, validLoss, fullValidLoss }) => [step, trainLoss, validLoss, fullValidLoss]),
    ).toEqual([
      [1, 1.5, null, null],
      [2, 1.25, 1.3, 1.3],
      [3, 1, null, null],
    ]);
    expect(points.map(endsEpoch)).toEqual([false, true, false]);
  });

  test('points up to a known step are left out', async () => {
    jobs(url(1));
    host.storage.answer = () => ({ body: TEXT });
    expect((await host.provider.training.listMetrics(JOB, 2)).map(({ step }) => step)).toEqual([3]);
  });

  test('there are no more ends of epochs than epochs', async () => {
    jobs(url(1));
    host.storage.answer = () => ({ body: [1, 2, 3, 4, 5].map((step) => line({ step, 'eval/loss': 1 })).join('') });
    expect((await host.provider.training.listMetrics(JOB)).filter(endsEpoch)).toHaveLength(3);
  });

  test('an address that has expired is asked for again', async () => {
    jobs(url(1), url(2));
    host.storage.answer = ({ url: asked }) =>
      asked.startsWith('/metrics/1') ? { status: 400, body: '<Code>ExpiredToken</Code>' } : { body: TEXT };
    expect(await host.provider.training.listMetrics(JOB)).toHaveLength(3);
    expect(host.storage.received).toHaveLength(2);
  });

  test('a job without figures has no points yet', async () => {
    jobs(undefined, url(1));
    host.storage.answer = () => ({ status: 404 });
    expect(await host.provider.training.listMetrics(JOB)).toEqual([]);
    expect(await host.provider.training.listMetrics(JOB)).toEqual([]);
  });
});
