import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { TOGETHER } from '../../../src/providers/profiles/together.ts';
import type { HostFile } from '../files.ts';
import { type Call, type Front, HostError, type Route } from '../front.ts';
import type { Host } from '../host.ts';
import { newId } from '../ids.ts';
import { type HostJob, type HostJobState, hasEnded, type NewJob } from '../jobs.ts';
import { numberOrAuto, openAIError, textOf } from './openai-shape.ts';
import { PREFIX, route, TOGETHER_SERVING, timeOf } from './together-serving.ts';

const DOCUMENT = 'together/fine-tuning.openapi.json';
/** Jobs in one answer of the list. The documents name no pages; small ones show that a client reads to the end. */
const PAGE = 50;

const WORDS: Readonly<Record<HostJobState, string>> = {
  validating: 'pending',
  queued: 'queued',
  running: 'running',
  succeeded: 'completed',
  failed: 'error',
  cancelled: 'cancelled',
};

/** What the API needs although its documents name a default: the defaults are those of its clients. */
const SENT_ALWAYS = ['n_epochs', 'n_checkpoints', 'n_evals', 'batch_size', 'learning_rate', 'training_type'];

const FILES: readonly Route[] = [
  route('POST', '/files', 'files.create', ({ body, origin }, { files }) => {
    const known = typeof body.checksum === 'string' ? files.withHash(body.checksum) : undefined;
    if (known) throw new HostError(409, 'file already exists', { code: known.id });
    if (body.purpose !== 'fine-tune') throw new HostError(400, `unknown purpose ${body.purpose}`);
    const { id } = files.reserve({ name: textOf(body, 'file_name') });
    return { status: 302, headers: { location: `${origin}/storage/${id}?signature=once`, 'x-together-file-id': id } };
  }),
  {
    method: 'PUT',
    path: '/storage/{id}',
    operation: 'files.send',
    open: true,
    handle: async (call, { files }) => {
      if (call.query.get('signature') !== 'once') throw new HostError(403, 'signature missing');
      await files.fill(call.params.id ?? '', call.raw);
      return {};
    },
  },
  route('POST', '/files/{id}/preprocess', 'files.send', ({ params: { id = '' } }, { files }) => {
    const file = files.get(id);
    if (!file.content) throw new HostError(400, `${id} has no bytes yet`);
    // A check that has begun is not begun again.
    file.extra.looksLeft ??= 1;
    return { body: showFile(file) };
  }),
  route('GET', '/files', 'files.list', (_, { files }) => ({ body: { data: files.list().map(showFile) } })),
  route('GET', '/files/{id}', 'files.get', ({ params: { id = '' } }, { files }) => {
    const file = files.get(id);
    const shown = showFile(file);
    // The check takes a while: it has ended at the second look.
    if (typeof file.extra.looksLeft === 'number') {
      file.ready = file.extra.looksLeft <= 0;
      file.extra.looksLeft -= 1;
    }
    return { body: shown };
  }),
  route('DELETE', '/files/{id}', 'files.delete', ({ params: { id = '' } }, { files }) => {
    files.delete(id);
    return { body: { id, deleted: true } };
  }),
];

const JOBS: readonly Route[] = [
  route('GET', '/fine-tunes/models/limits', 'models.get', ({ query }, { models }) => {
    const model = query.get('model_name') ?? '';
    if (!models.baseOf(model)) throw new HostError(404, `${model} cannot be fine-tuned`);
    return { body: limitsOf(model) };
  }),
  route('POST', '/fine-tunes/estimate-price', 'jobs.estimate', ({ body }, { files, models, tariff }) => {
    const base = models.baseOf(textOf(body, 'model'));
    const tokens = files.get(textOf(body, 'training_file')).content?.tokens ?? 0;
    if (!base) throw new HostError(400, 'no such model');
    const usd = tariff.training(base, 'succeeded', tokens * Number(body.n_epochs ?? 1));
    return { body: { estimated_total_price: usd, allowed_to_proceed: true, estimated_train_token_count: tokens } };
  }),
  route('POST', '/fine-tunes', 'jobs.create', async (call, host) => {
    const job = await host.jobs.create(call, readJob(call, host));
    return { body: showJob(job) };
  }),
  route('GET', '/fine-tunes', 'jobs.list', async (call, host) => {
    const jobs = await host.jobs.list(call);
    const from = jobs.findIndex(({ id }) => id === call.query.get('after')) + 1;
    const shown = jobs.slice(from, from + PAGE);
    return { body: { data: shown.map(showJob), has_more: from + shown.length < jobs.length } };
  }),
  route('GET', '/fine-tunes/{id}', 'jobs.get', async (call, host) => {
    const job = await jobOf(call, host);
    const metrics = await host.jobs.metrics({ ...call, effects: [] }, job.id);
    return { body: { ...showJob(job), events: eventsOf(job, metrics.at(-1)?.total_steps ?? 0) } };
  }),
  route('POST', '/fine-tunes/{id}/cancel', 'jobs.cancel', async (call, host) => ({
    body: showJob(await host.jobs.cancel(call, call.params.id ?? '')),
  })),
  route('DELETE', '/fine-tunes/{id}', 'models.delete', async (call, host) => {
    const { id, tunedModel, checkpoints } = await jobOf(call, host);
    for (const model of [tunedModel, ...checkpoints.map((point) => point.model)]) {
      if (model !== null && host.models.find(model)) host.models.delete(model);
    }
    await host.jobs.delete(call, id);
    return { body: { message: `${id} was deleted` } };
  }),
  route('GET', '/fine-tunes/{id}/metrics', 'jobs.metrics', async (call, host) => {
    const points = await host.jobs.metrics(call, call.params.id ?? '');
    const rows = points.flatMap(({ step, train_loss: train, full_valid_loss: valid }) => [
      { 'train/global_step': step, 'train/loss': train },
      ...(typeof valid === 'number' ? [{ 'train/global_step': step, 'eval/loss': valid }] : []),
    ]);
    return { body: { metrics: rows } };
  }),
  route('GET', '/fine-tunes/{id}/checkpoints', 'jobs.checkpoints', async (call, host) => {
    const { checkpoints } = await jobOf(call, host);
    const last = checkpoints.at(-1);
    return {
      body: {
        data: checkpoints.flatMap((point) =>
          ['Merged', 'Adapter'].map((form) => ({
            step: point.step,
            checkpoint_type: `${point === last ? 'Final' : 'Intermediate'} ${form}`,
            path: `s3://together/${point.id}/${form}`,
            created_at: timeOf(point.createdAt),
          })),
        ),
      },
    };
  }),
];

/** Together: jobs, files and endpoints of its own, and questions as at OpenAI. */
export const TOGETHER_FRONT: Front = {
  profile: TOGETHER,
  routes: [...FILES, ...JOBS, ...TOGETHER_SERVING],
  specs: [{ file: DOCUMENT, prefix: PREFIX }],
  invalidStatus: 400,
  errorBody: errorOf,
  errorSchema: { file: DOCUMENT, schema: 'ErrorData', exceptStatus: 409 },
  names: {
    job: () => `ft-${newId('', 6)}`,
    model: ({ model, suffix, id }) => `tuneloop/${model.split('/').at(-1)}:${suffix ?? 'model'}:${id}`,
    checkpoint: ({ model, suffix, id }, step) =>
      `tuneloop/${model.split('/').at(-1)}:${suffix ?? 'model'}:${id}:${step}`,
  },
  settings: (origin) => ({ baseURL: `${origin}${PREFIX}` }),
};

/** A known file is told by its id, beside the error and not in it. */
function errorOf(error: HostError): unknown {
  if (error.status === 409 && error.code !== null) return { message: error.message, file_id: error.code };
  return openAIError(error);
}

function readJob(call: Call, host: Host): NewJob {
  const { body } = call;
  const missing = SENT_ALWAYS.filter((field) => body[field] === undefined || body[field] === 'max');
  // The API takes such a job, and trains something else than the documents say.
  if (missing.length > 0) host.misunderstood(call, `no default is filled in for ${missing.join(', ')}`);
  const { training_type: type, suffix, random_seed: seed } = body;
  if (isRecord(type) && type.type !== 'Lora') host.misunderstood(call, `a ${type.type} training is no LoRA`);
  if (typeof suffix === 'string' && suffix.length > 40) throw new HostError(400, 'suffix is longer than 40 characters');
  if (Number(body.n_checkpoints) > Number(body.n_epochs)) throw new HostError(400, 'more checkpoints than epochs');
  const rule = TOGETHER.jobs.learningRate;
  return {
    model: textOf(body, 'model'),
    trainingFile: checkedFile(textOf(body, 'training_file'), host),
    validationFile: typeof body.validation_file === 'string' ? checkedFile(body.validation_file, host) : null,
    suffix: typeof suffix === 'string' ? suffix : null,
    seed: typeof seed === 'number' ? seed : null,
    epochs: numberOrAuto(body.n_epochs),
    batchSize: numberOrAuto(body.batch_size),
    learningRateMultiplier: rule.takes === 'rate' ? Number(body.learning_rate) / rule.base : 'auto',
    extra: { ...body },
  };
}

function checkedFile(id: string, { files }: Host): string {
  if (files.find(id)?.ready === false) throw new HostError(400, `${id} has not been checked`);
  return id;
}

function jobOf(call: Call, { jobs }: Host): Promise<HostJob> {
  return jobs.get(call, call.params.id ?? '');
}

function showFile({ id, createdAt, name, content, ready }: HostFile): object {
  return {
    id,
    object: 'file',
    created_at: createdAt,
    filename: name,
    bytes: content?.bytes.length ?? 0,
    purpose: 'fine-tune',
    FileType: 'jsonl',
    Processed: ready,
    processing_status: ready ? 'COMPLETED' : content ? 'RUNNING' : 'PENDING',
  };
}

function showJob(job: HostJob): Record<string, unknown> {
  const { n_epochs, n_checkpoints, n_evals, batch_size, learning_rate, training_method, training_type } = job.extra;
  const ended = hasEnded(job);
  return {
    id: job.id,
    status: job.shownState ?? WORDS[job.state],
    created_at: timeOf(job.createdAt),
    updated_at: timeOf(job.finishedAt ?? job.startedAt ?? job.createdAt),
    ...(job.startedAt === null ? {} : { started_at: timeOf(job.startedAt) }),
    model: job.model,
    training_file: job.trainingFile,
    ...(job.validationFile === null ? {} : { validation_file: job.validationFile }),
    ...(job.suffix === null ? {} : { suffix: job.suffix }),
    random_seed: job.seed,
    ...{ n_epochs, n_checkpoints, n_evals, batch_size, learning_rate, training_method, training_type },
    ...(job.tunedModel === null ? {} : { model_output_name: job.tunedModel }),
    ...(ended ? { token_count: job.trainedTokens ?? 0, total_price: Math.round((job.usd ?? 0) * 1e9) } : {}),
  };
}

function eventsOf({ createdAt, startedAt, finishedAt, failure, state }: HostJob, totalSteps: number): object[] {
  const event = (type: string, at: number, message: string, level = 'info') => ({
    object: 'fine-tune-event',
    created_at: timeOf(at),
    level,
    message,
    type,
    param_count: 0,
    token_count: 0,
    total_steps: totalSteps,
    wandb_url: '',
    step: 0,
    checkpoint_path: '',
    model_path: '',
    training_offset: 0,
    hash: '',
  });
  return [
    event('job_pending', createdAt, 'Job created'),
    ...(startedAt === null ? [] : [event('training_start', startedAt, 'Training started')]),
    ...(failure === null ? [] : [event('job_error', finishedAt ?? createdAt, failure.message, 'error')]),
    ...(state === 'succeeded' ? [event('job_complete', finishedAt ?? createdAt, 'Job completed')] : []),
  ];
}

function limitsOf(model: string): object {
  return {
    model_name: model,
    max_num_epochs: 20,
    max_num_evals: 100,
    max_num_checkpoints: 20,
    max_learning_rate: 0.01,
    min_learning_rate: 1e-8,
    supports_vision: false,
    supports_tools: true,
    supports_reasoning: false,
    merge_output_lora: true,
    lora_training: { max_batch_size: 128, max_batch_size_dpo: 64, min_batch_size: 8, max_rank: 64, target_modules: [] },
  };
}
