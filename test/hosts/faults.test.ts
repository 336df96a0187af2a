import { request } from 'node:http';
import { CRUSOE_METRICS } from '../../src/providers/dialects/crusoe-metrics.ts';
import { type Played, play, until } from './playing.ts';
import { endedJob, jobRequest } from './tuned-model.ts';

/** Seconds of a job that does not end during a test. */
const SLOW = 120;

let played: Played;
afterEach(() => played.close());

const newRequest = () => jobRequest(played.connected.training, played.baseModel);
const newJob = async () => played.connected.training.createJob(await newRequest());

test('the answer of a job that was created gets lost, and the ledger has the job', async () => {
  played = await play('openai');
  const { training } = played.connected;
  played.fail([{ on: 'jobs.create', times: 1, effect: { kind: 'lose_answer' } }]);
  const request = await newRequest();
  await expect(training.createJob(request)).rejects.toMatchObject({ mayHaveExecuted: true });
  expect(await played.ledger()).toMatchObject({ jobs: [{ key: request.key.slice(0, 12) }], duplicates: 0 });
  await training.createJob(request);
  expect((await played.ledger()).duplicates).toBe(1);
});

test('a connection breaks off before a job is created', async () => {
  played = await play('openai');
  played.fail([{ on: 'jobs.create', effect: { kind: 'reset' } }]);
  await expect(newJob()).rejects.toMatchObject({ mayHaveExecuted: true });
  expect((await played.ledger()).jobs).toEqual([]);
});

test('a late answer belongs to a request that is done: until it comes, the ledger says that its client waits', async () => {
  played = await play('openai');
  played.fail([{ on: 'jobs.create', effect: { kind: 'late_answer', ms: 300 } }]);
  const statuses = () =>
    played.host.requests(0).flatMap(({ operation, status }) => (operation === 'jobs.create' ? [status] : []));
  const job = newJob();
  await until(
    async () => statuses(),
    ([status]) => status === 'held',
  );
  expect((await played.ledger()).jobs).toHaveLength(1);
  await job;
  expect(statuses()).toEqual([200]);
});

test('a client that dies while it sends breaks no rule of the document', async () => {
  played = await play('openai');
  const half = request(`${played.host.origin}/v1/files`, { method: 'POST', headers: { 'content-length': 1000 } });
  half.on('error', () => {});
  const closed = new Promise((resolve) => half.once('close', resolve));
  half.write('half of a file', () => half.destroy());
  await closed;
  await newRequest();
  expect(played.violations()).toEqual([]);
  expect(played.host.requests(0).filter(({ executed }) => !executed)).toEqual([]);
});

test.each([
  ['does not exist', false, 0],
  ['exists all the same', true, 1],
])('a job whose creation is answered with 503 %s', async (_, executed, jobs) => {
  played = await play('openai');
  played.fail([{ on: 'jobs.create', effect: { kind: 'status', status: 503, executed } }]);
  await expect(newJob()).rejects.toMatchObject({ status: 503 });
  expect((await played.ledger()).jobs).toHaveLength(jobs);
});

test('two creations of one id at the same moment make one job', async () => {
  played = await play('fireworks', { jobSeconds: SLOW });
  const { training } = played.connected;
  const request = await newRequest();
  const [one, other] = await Promise.all([training.createJob(request), training.createJob(request)]);
  expect(one.id).toBe(other.id);
  const { jobs, requests } = await played.ledger();
  expect(jobs).toHaveLength(1);
  const answers = requests.filter(({ operation }) => operation === 'jobs.create').map(({ status }) => status);
  expect(answers.toSorted()).toEqual([200, 409]);
});

test('an answer of 429 names the wait', async () => {
  played = await play('azure');
  played.fail([{ on: 'leases.list', effect: { kind: 'status', status: 429, retryAfterSeconds: 7 } }]);
  await expect(played.connected.serving?.list('')).rejects.toMatchObject({ status: 429, retryAfterMs: 7000 });
});

test('the same plan and the same calls have the same faults', async () => {
  played = await play('openai');
  const { training } = played.connected;
  const struck = async () => {
    played.fail([{ on: 'jobs.list', probability: 0.5, effect: { kind: 'status', status: 500 } }], 7);
    const calls = Array.from({ length: 12 }, () =>
      training.checkFineTuning().then(
        () => true,
        () => false,
      ),
    );
    return (await Promise.all(calls)).filter((isAnswered) => !isAnswered).length;
  };
  const first = await struck();
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(12);
  expect(await struck()).toBe(first);
});

test('a new job is missing from the list for a while', async () => {
  played = await play('openai', { jobSeconds: SLOW });
  const { training } = played.connected;
  played.fail([{ on: 'jobs.create', effect: { kind: 'list_lag', ms: 300 } }]);
  const request = await newRequest();
  await training.createJob(request);
  expect(await training.findJobs(request)).toEqual([]);
  await until(
    () => training.findJobs(request),
    (jobs) => jobs.length === 1,
  );
});

test('a host that forgets seed and suffix shows neither, and its ledger has both', async () => {
  played = await play('nebius', { forgets: ['seed', 'suffix'], jobSeconds: SLOW });
  const { training } = played.connected;
  const request = await newRequest();
  await training.createJob(request);
  expect(await training.findJobs(request)).toEqual([]);
  expect((await played.ledger()).jobs).toMatchObject([{ seed: 1, key: request.key.slice(0, 12) }]);
});

test('the model of a job that has succeeded comes late', async () => {
  played = await play('crusoe');
  const { training } = played.connected;
  played.fail([{ on: 'jobs.create', effect: { kind: 'model_late', ms: 500 } }]);
  const { id } = await newJob();
  const succeeded = await endedJob(training, id);
  expect(succeeded).toMatchObject({ state: 'succeeded', model: null });
  await until(
    () => training.getJob(id),
    ({ model }) => model !== null,
  );
});

test('a job shows a state that nobody has seen before, and ends in another one', async () => {
  played = await play('openai');
  const { training } = played.connected;
  played.fail([
    { on: 'jobs.get', times: 1, effect: { kind: 'shown_state', state: 'defragmenting' } },
    { on: 'jobs.create', effect: { kind: 'job_ends', state: 'error', message: 'a machine is broken' } },
  ]);
  const { id } = await newJob();
  expect(await training.getJob(id)).toMatchObject({ state: 'pending', known: false, status: 'defragmenting' });
  await until(
    () => training.getJob(id),
    ({ status }) => status === 'error',
  );
  expect(await played.ledger()).toMatchObject({ jobs: [{ state: 'failed', usd: 0 }] });
});

test('losses are missing from the figures of a job', async () => {
  played = await play('crusoe');
  const { id } = await newJob();
  await endedJob(played.connected.training, id);
  const losses = async () => {
    const url = `${played.provider.baseURL}/fine_tuning/jobs/${id}/metrics`;
    const response = await fetch(url, { headers: { authorization: 'Bearer test-key' } });
    const { metrics } = CRUSOE_METRICS.parse(await response.json());
    return metrics?.find((each) => each.metric_name === 'ev_loss')?.data?.length ?? 0;
  };
  const all = await losses();
  played.fail([{ on: 'jobs.metrics', effect: { kind: 'gaps' } }]);
  expect(await losses()).toBe(Math.floor(all / 2));
});
