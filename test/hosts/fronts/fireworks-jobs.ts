import { FIREWORKS } from '../../../src/providers/profiles/fireworks.ts';
import { type Call, HostError, type Route } from '../front.ts';
import type { HostJob, HostJobState, NewJob } from '../jobs.ts';
import { chosenId, idIn, modelName, page, resourceName, route, timeOf, unknownFields } from './fireworks-resources.ts';

const JOBS = 'supervisedFineTuningJobs';

const WORDS: Readonly<Record<HostJobState, string>> = {
  validating: 'VALIDATING',
  queued: 'PENDING',
  running: 'RUNNING',
  succeeded: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
};

const KNOWN = [
  'dataset',
  'evaluationDataset',
  'baseModel',
  'outputModel',
  'displayName',
  'epochs',
  'learningRate',
  'loraRank',
  'batchSizeSamples',
];
const REFUSED = ['batchSize', 'earlyStop', 'gradientAccumulationSteps'];

/** How long a link to a file of figures is good for. */
const LINK_MS = 60_000;

/** Jobs for supervised fine-tuning, and the files of their figures. */
export function jobRoutes(): Route[] {
  return [
    route('POST', `/${JOBS}`, 'jobs.create', async (call, host) => {
      const request = read(call);
      const problems = unknownFields(call.body, KNOWN);
      if (problems.length > 0) host.misunderstood(call, ...problems);
      return { body: show(await host.jobs.create(call, request), call) };
    }),
    route('GET', `/${JOBS}`, 'jobs.list', async (call, host) => {
      const jobs = await host.jobs.list(call);
      return {
        body: page(
          JOBS,
          jobs.map((job) => show(job, call)),
          call.query,
        ),
      };
    }),
    route('GET', `/${JOBS}/{id}`, 'jobs.get', async (call, host) => ({
      body: show(await host.jobs.get(call, call.params.id ?? ''), call),
    })),
    route('POST', `/${JOBS}/{id}:cancel`, 'jobs.cancel', async (call, host) => {
      await host.jobs.cancel(call, call.params.id ?? '');
      return { body: {} };
    }),
    {
      method: 'GET',
      path: '/storage/metrics/{id}',
      operation: 'links.get',
      open: true,
      handle: async (call, host) => {
        if (call.headers.authorization !== undefined) throw new HostError(403, 'two signatures');
        if (Number(call.query.get('Expires')) < Date.now()) throw new HostError(400, 'ExpiredToken');
        const job = await host.jobs.get(call, call.params.id ?? '');
        const lines = (await host.jobs.metrics(call, job.id)).flatMap((point) => {
          const train = { step: point.step, 'train/step': point.step, 'train/loss': point.train_loss };
          const loss = point.full_valid_loss;
          return typeof loss === 'number' ? [train, { step: point.step, 'eval/loss': loss }] : [train];
        });
        return { body: lines.map((line) => `${JSON.stringify(line)}\n`).join('') };
      },
    },
  ];
}

/** @throws HostError 400 for fields that are missing, or that managed training refuses */
function read({ body, query }: Call): NewJob {
  const refused = REFUSED.filter((field) => body[field] !== undefined);
  if (refused.length > 0) throw new HostError(400, `${refused.join(', ')} cannot be set`);
  const id = chosenId(query.get('supervisedFineTuningJobId'));
  const { learningRate: rule } = FIREWORKS.jobs;
  const rate = body.learningRate;
  if (typeof rate !== 'number' || rule.takes !== 'rate') throw new HostError(400, 'learningRate is missing');
  const rank = body.loraRank;
  if (typeof rank !== 'number' || !Number.isInteger(Math.log2(rank))) throw new HostError(400, 'loraRank is wrong');
  return {
    id,
    model: String(body.baseModel),
    trainingFile: idIn('datasets', body.dataset),
    validationFile: body.evaluationDataset === undefined ? null : idIn('datasets', body.evaluationDataset),
    suffix: String(body.displayName ?? ''),
    epochs: typeof body.epochs === 'number' ? body.epochs : 1,
    batchSize: typeof body.batchSizeSamples === 'number' ? body.batchSizeSamples : 'auto',
    learningRateMultiplier: rate / rule.base,
    tunedModel: body.outputModel === undefined ? modelName(id) : modelName(idIn('models', body.outputModel)),
    extra: { learningRate: rate, loraRank: rank, outputModel: body.outputModel ?? modelName(id) },
  };
}

function show(job: HostJob, { origin }: Call): object {
  const { id, createdAt, finishedAt, epochs, batchSize, extra, failure } = job;
  return {
    name: resourceName(JOBS, id),
    displayName: job.suffix ?? '',
    createTime: timeOf(createdAt),
    updateTime: timeOf(finishedAt ?? createdAt),
    ...(finishedAt === null ? {} : { completedTime: timeOf(finishedAt) }),
    state: job.shownState ?? `JOB_STATE_${WORDS[job.state]}`,
    status: failure ? { code: 'INVALID_ARGUMENT', message: failure.message } : { code: 'OK', message: '' },
    dataset: resourceName('datasets', job.trainingFile),
    ...(job.validationFile === null ? {} : { evaluationDataset: resourceName('datasets', job.validationFile) }),
    baseModel: job.model,
    ...extra,
    epochs: epochs === 'auto' ? 1 : epochs,
    ...(batchSize === 'auto' ? {} : { batchSizeSamples: batchSize }),
    ...(job.usd === null ? {} : { estimatedCost: moneyOf(job.usd) }),
    ...(job.startedAt === null
      ? {}
      : { metricsFileSignedUrl: `${origin}/storage/metrics/${id}?Expires=${Date.now() + LINK_MS}` }),
  };
}

function moneyOf(usd: number): object {
  const units = Math.floor(usd);
  return { currencyCode: 'USD', units: `${units}`, nanos: Math.round((usd - units) * 1e9) };
}
