import { BASE, JOB, JOBS, job, LABEL, MODEL, REQUEST } from './answers.ts';
import { type FireworksHost, fireworksHost, type Given, KEY, providerError, refusal } from './host.ts';

let host: FireworksHost;
beforeEach(async () => {
  host = await fireworksHost();
});
afterEach(() => host.close());

describe('a job at Fireworks', () => {
  test('a request has the id and the model of its key, a rate, and no field that the provider refuses', async () => {
    host.routes[`POST ${JOBS}`] = { body: job({ state: 'JOB_STATE_CREATING' }) };
    const created = await host.provider.training.createJob({
      ...REQUEST,
      hyperparameters: { ...REQUEST.hyperparameters, batchSize: 16, seed: 7 },
    });
    expect(created).toMatchObject({ id: JOB, state: 'pending', phase: 'validating', known: true, model: null });
    expect(host.sent(`POST ${JOBS}`)).toEqual([
      {
        query: { supervisedFineTuningJobId: JOB },
        body: {
          displayName: LABEL,
          baseModel: BASE,
          dataset: 'accounts/acme/datasets/train',
          evaluationDataset: 'accounts/acme/datasets/valid',
          outputModel: MODEL,
          epochs: 3,
          learningRate: 2e-4,
          loraRank: 8,
          batchSizeSamples: 16,
        },
      },
    ]);
  });

  test('a rate and a rank of the pipeline file are sent as they are', async () => {
    host.routes[`POST ${JOBS}`] = { body: job() };
    const hyperparameters = { ...REQUEST.hyperparameters, learningRate: 3e-5, loraRank: 32 };
    await host.provider.training.createJob({ ...REQUEST, hyperparameters });
    expect(host.sent(`POST ${JOBS}`)[0]?.body).toMatchObject({ learningRate: 3e-5, loraRank: 32 });
  });

  test('a creation whose answer is lost is sent once, and its job is found by the key', async () => {
    host.routes[`POST ${JOBS}`] = () => {
      host.routes[`GET ${JOBS}/${JOB}`] = { body: job() };
      return (response) => response.destroy();
    };
    const error = await providerError(host.provider.training.createJob(REQUEST));
    expect([error.mayHaveExecuted, error.retryable]).toEqual([true, true]);
    expect(host.sent(`POST ${JOBS}`)).toHaveLength(1);
    expect(await host.provider.training.findJobs(REQUEST)).toMatchObject([{ id: JOB }]);
  });

  test('a second creation finds the first job', async () => {
    host.routes[`POST ${JOBS}`] = refusal(409, 6, 'already exists');
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job() };
    expect(await host.provider.training.createJob(REQUEST)).toMatchObject({ id: JOB, state: 'pending' });
  });

  test('a creation that is refused with 409 is tried again where no job can be seen yet', async () => {
    host.routes[`POST ${JOBS}`] = refusal(409, 6, 'already exists');
    expect(await providerError(host.provider.training.createJob(REQUEST))).toMatchObject({
      status: 409,
      retryable: true,
    });
  });

  test.each([
    ['JOB_STATE_COMPLETED', 'succeeded'],
    ['JOB_STATE_EARLY_STOPPED', 'succeeded'],
    ['JOB_STATE_FAILED', 'failed'],
    ['JOB_STATE_EXPIRED', 'failed'],
    ['JOB_STATE_CANCELLED', 'cancelled'],
    ['JOB_STATE_CANCELLING', 'pending'],
    ['JOB_STATE_PAUSED', 'pending'],
    ['JOB_STATE_WRITING_RESULTS', 'pending'],
  ])('a job that is %s counts as %s', async (state, expected) => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state }) };
    const found = await host.provider.training.getJob(JOB);
    expect(found).toMatchObject({ state: expected, known: true, status: state });
    expect(found.model).toBe(expected === 'succeeded' ? MODEL : null);
  });

  test('a state that nobody knows counts as running', async () => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: JSON.stringify(job({ state: 'JOB_STATE_DREAMING' })) };
    expect(await host.provider.training.getJob(JOB)).toMatchObject({
      state: 'pending',
      phase: 'running',
      known: false,
      status: 'JOB_STATE_DREAMING',
    });
  });

  test('null stands for a field that is not set', async () => {
    const unset = { status: null, completedTime: null, estimatedCost: null, metricsFileSignedUrl: null, epochs: null };
    host.routes[`GET ${JOBS}/${JOB}`] = { body: JSON.stringify(job({ ...unset, state: 'JOB_STATE_COMPLETED' })) };
    expect(await host.provider.training.getJob(JOB)).toMatchObject({
      state: 'succeeded',
      costUsd: null,
      failure: null,
    });
    host.routes[`GET ${JOBS}`] = { body: JSON.stringify({ [JOBS]: null, nextPageToken: null }) };
    expect(await host.provider.training.listPendingJobs()).toEqual([]);
  });

  test('a job that has ended says when, and what it cost', async () => {
    const estimatedCost = { currencyCode: 'USD', units: '12', nanos: 340_000_000 };
    const completedTime = '2026-11-30T10:20:00Z';
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_COMPLETED', completedTime, estimatedCost }) };
    const seconds = (time: string) => Date.parse(time) / 1000;
    expect(await host.provider.training.getJob(JOB)).toMatchObject({
      createdAt: seconds('2026-11-30T10:00:00Z'),
      finishedAt: seconds(completedTime),
      costUsd: 12.34,
      trainedTokens: null,
    });
  });

  test.each<[string, object | undefined, number | null]>([
    ['nanos alone', { nanos: 500_000_000 }, 0.5],
    ['units as a string', { currencyCode: 'USD', units: '9007199254740' }, 9007199254740],
    ['zero, which is left out', { currencyCode: 'USD' }, 0],
    ['no amount', {}, null],
    ['nothing', undefined, null],
    ['another currency', { currencyCode: 'EUR', units: '3' }, null],
  ])('a cost of %s is understood', async (_, estimatedCost, expected) => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_COMPLETED', estimatedCost }) };
    expect((await host.provider.training.getJob(JOB)).costUsd).toBe(expected);
  });

  test('a job that has not ended has no cost, only an estimate', async () => {
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ estimatedCost: { currencyCode: 'USD', units: '3' } }) };
    expect((await host.provider.training.getJob(JOB)).costUsd).toBeNull();
  });

  test('a job that has failed says why, without the key', async () => {
    const status = { code: 'RESOURCE_EXHAUSTED', message: `the limit of ${KEY} is reached` };
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_FAILED', status }) };
    const { failure, needsPerson } = await host.provider.training.getJob(JOB);
    expect(failure).toBe('RESOURCE_EXHAUSTED: the limit of *** is reached');
    expect(needsPerson).toBe(true);
  });

  test('pending jobs are looked for on all pages, with the owner that their label names', async () => {
    const pages: Given[] = [
      {
        body: {
          [JOBS]: [job(), job({ name: `accounts/acme/${JOBS}/done`, state: 'JOB_STATE_COMPLETED' })],
          nextPageToken: 'next',
        },
      },
      {
        body: {
          [JOBS]: [job({ name: `accounts/acme/${JOBS}/other` }), job({ displayName: 'somebody else' })],
          nextPageToken: '',
        },
      },
    ];
    host.routes[`GET ${JOBS}`] = pages;
    const owner = { executionEnd: '9f0c77d2' };
    expect(await host.provider.training.listPendingJobs()).toEqual([
      { id: JOB, owner },
      { id: 'other', owner },
    ]);
    expect(host.sent(`GET ${JOBS}`).map(({ query }) => query)).toEqual([
      { pageSize: '200' },
      { pageSize: '200', pageToken: 'next' },
    ]);
  });

  test('an account without jobs may leave the list out', async () => {
    host.routes[`GET ${JOBS}`] = { body: {} };
    expect(await host.provider.training.listPendingJobs()).toEqual([]);
    expect(await host.provider.training.checkFineTuning()).toBeUndefined();
  });

  test('the cancellation of a job that has ended is no error', async () => {
    host.routes[`POST ${JOBS}/${JOB}:cancel`] = refusal(400, 9, 'the job has ended');
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job({ state: 'JOB_STATE_COMPLETED' }) };
    expect(await host.provider.training.cancelJob(JOB)).toMatchObject({ state: 'succeeded' });
  });

  test('a refused cancellation of a job that goes on is an error', async () => {
    host.routes[`POST ${JOBS}/${JOB}:cancel`] = refusal(400, 9, 'not now');
    host.routes[`GET ${JOBS}/${JOB}`] = { body: job() };
    expect(await providerError(host.provider.training.cancelJob(JOB))).toMatchObject({ status: 400 });
  });

  test('an error repeats no key', async () => {
    host.routes[`GET ${JOBS}/${JOB}`] = refusal(401, 16, `invalid key ${KEY}`);
    const error = await providerError(host.provider.training.getJob(JOB));
    expect(error).toMatchObject({ code: 'PROVIDER_REFUSED', status: 401, retryable: false });
    expect(error.message).toContain('invalid key ***');
  });

  test('a model of the library is not deleted, and nothing is sent', async () => {
    expect(await providerError(host.provider.training.deleteModel(BASE))).toMatchObject({ code: 'PROVIDER_REFUSED' });
    expect(host.server.received).toEqual([]);
  });
});
