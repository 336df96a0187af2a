import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { HostFile } from '../files.ts';
import { type Call, HostError, type Operation, type Route } from '../front.ts';
import type { Host } from '../host.ts';
import { newId } from '../ids.ts';
import type { HostCheckpoint, HostJob, HostJobState, NewJob } from '../jobs.ts';
import type { HostLease } from '../leases.ts';
import type { HostModel } from '../models.ts';

/** What a host of OpenAI's protocol has of its own. */
export interface Shape {
  /** In front of all paths, such as `/v1`. */
  readonly prefix: string;
  /** In front of `/chat/completions`, where that is another address. */
  readonly chatPrefix?: string;
  readJob(call: Call, host: Host): NewJob;
  showJob(job: HostJob, host: Host): object;
  showCheckpoint(checkpoint: HostCheckpoint, job: HostJob): object;
  showModel?(model: HostModel): object;
  /** Whether events carry the figures of steps, newest first, or tell states only. */
  readonly events: 'steps' | 'states in no order';
  /** Whether the list of jobs can be asked for a metadata pair. */
  readonly filters: boolean;
  /** @throws HostError 404 for a model that cannot be called */
  callable(name: string, host: Host): { model: HostModel; lease: HostLease | null };
}

const WORDS: Readonly<Record<HostJobState, string>> = {
  validating: 'validating_files',
  queued: 'queued',
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** The state of a job in the words of OpenAI. */
export function stateWord({ state, shownState }: HostJob): string {
  return shownState ?? WORDS[state];
}

/** The routes of OpenAI's protocol. */
export function openAIRoutes(shape: Shape): Route[] {
  const route = (method: Route['method'], path: string, operation: Operation, handle: Route['handle']): Route => ({
    method,
    path: `${shape.prefix}${path}`,
    operation,
    handle,
  });
  return [
    ...fileRoutes(route),
    ...jobRoutes(shape, route),
    ...modelRoutes(shape, route),
    {
      method: 'POST',
      path: `${shape.chatPrefix ?? shape.prefix}/chat/completions`,
      operation: 'chat',
      handle: async (call, host) => {
        const { model, lease } = shape.callable(textOf(call.body, 'model'), host);
        return host.answer(call, model, lease);
      },
    },
  ];
}

type RouteMaker = (method: Route['method'], path: string, operation: Operation, handle: Route['handle']) => Route;

function fileRoutes(route: RouteMaker): Route[] {
  return [
    route('POST', '/files', 'files.create', async (call, { files }) => {
      const form = await call.form();
      const file = form.get('file');
      if (!(file instanceof Blob)) throw new HostError(400, "'file' is a required property", { param: 'file' });
      if (form.get('purpose') !== 'fine-tune') throw new HostError(400, 'unknown purpose', { param: 'purpose' });
      const name = 'name' in file ? String(file.name) : 'file';
      return { body: showFile(await files.add({ name }, new Uint8Array(await file.arrayBuffer()))) };
    }),
    route('GET', '/files', 'files.list', (call, { files }) => {
      const listed = files.list();
      return { body: page(call.query.get('order') === 'asc' ? listed.reverse() : listed, call, showFile, true) };
    }),
    route('GET', '/files/{id}', 'files.get', ({ params: { id = '' } }, { files }) => ({
      body: showFile(files.get(id)),
    })),
    route('DELETE', '/files/{id}', 'files.delete', ({ params: { id = '' } }, { files }) => {
      files.delete(id);
      return { body: { id, object: 'file', deleted: true } };
    }),
  ];
}

function jobRoutes(shape: Shape, route: RouteMaker): Route[] {
  return [
    route('POST', '/fine_tuning/jobs', 'jobs.create', async (call, host) => {
      const job = await host.jobs.create(call, shape.readJob(call, host));
      return { body: shape.showJob(job, host) };
    }),
    route('GET', '/fine_tuning/jobs', 'jobs.list', async (call, host) => {
      const pairs = [...call.query].flatMap(([name, value]) => {
        const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
        return key === undefined ? [] : [[key, value] as const];
      });
      const jobs = (await host.jobs.list(call)).filter(
        ({ metadata }) => !shape.filters || pairs.every(([key, value]) => metadata?.[key] === value),
      );
      return { body: page(jobs, call, (job) => shape.showJob(job, host), false) };
    }),
    route('GET', '/fine_tuning/jobs/{id}', 'jobs.get', async (call, host) => ({
      body: shape.showJob(await host.jobs.get(call, call.params.id ?? ''), host),
    })),
    route('POST', '/fine_tuning/jobs/{id}/cancel', 'jobs.cancel', async (call, host) => ({
      body: shape.showJob(await host.jobs.cancel(call, call.params.id ?? ''), host),
    })),
    route('GET', '/fine_tuning/jobs/{id}/events', 'jobs.events', async (call, host) => {
      const events = await eventsOf(call, host, shape.events);
      return { body: page(events, call, (event) => event, false) };
    }),
    route('GET', '/fine_tuning/jobs/{id}/checkpoints', 'jobs.checkpoints', async (call, host) => {
      const job = await host.jobs.get(call, call.params.id ?? '');
      const newestFirst = job.checkpoints.toReversed();
      return { body: page(newestFirst, call, (point) => shape.showCheckpoint(point, job), true) };
    }),
  ];
}

function modelRoutes({ showModel = showOpenAIModel }: Shape, route: RouteMaker): Route[] {
  return [
    route('GET', '/models', 'models.list', (_, { models }) => ({
      body: { object: 'list', data: [...models.bases, ...models.tuned].map(showModel) },
    })),
    route('GET', '/models/{model*}', 'models.get', ({ params: { model = '' } }, { models }) => ({
      body: showModel(models.get(model)),
    })),
    route('DELETE', '/models/{model*}', 'models.delete', ({ params: { model = '' } }, { models }) => {
      models.delete(model);
      return { body: { id: model, object: 'model', deleted: true } };
    }),
  ];
}

export function showOpenAIModel({ id, createdAt, tuned }: HostModel): object {
  return { id, object: 'model', created: createdAt, owned_by: tuned ? 'tuneloop' : 'system' };
}

function showFile({ id, content, createdAt, name, purpose }: HostFile): { id: string } {
  const bytes = content?.bytes.length ?? 0;
  return { object: 'file', id, bytes, created_at: createdAt, filename: name, purpose, status: 'processed' } as {
    id: string;
  };
}

/** A job with all the fields that OpenAI has. */
export function openAIJob(job: HostJob, hyperparameters: object): Record<string, unknown> {
  return {
    object: 'fine_tuning.job',
    id: job.id,
    model: job.model,
    created_at: job.createdAt,
    finished_at: job.finishedAt,
    fine_tuned_model: job.tunedModel,
    organization_id: 'org-tuneloop',
    result_files: [],
    status: stateWord(job),
    training_file: job.trainingFile,
    validation_file: job.validationFile,
    hyperparameters,
    method: { type: 'supervised', supervised: { hyperparameters } },
    trained_tokens: job.trainedTokens,
    // A healthy job has an empty object, as observed.
    error: job.failure ? { ...job.failure, param: null } : {},
    user_provided_suffix: job.suffix,
    seed: job.seed ?? 0,
    estimated_finish: null,
    integrations: [],
    metadata: job.metadata,
  };
}

export function openAICheckpoint(point: HostCheckpoint, job: HostJob): Record<string, unknown> {
  const { total_steps: _, ...metrics } = point.metrics;
  return {
    object: 'fine_tuning.job.checkpoint',
    id: point.id,
    created_at: point.createdAt,
    fine_tuned_model_checkpoint: point.model,
    fine_tuning_job_id: job.id,
    metrics,
    step_number: point.step,
  };
}

/** Newest first. */
async function eventsOf(call: Call, host: Host, kind: Shape['events']): Promise<{ id: string }[]> {
  const job = await host.jobs.get(call, call.params.id ?? '');
  const event = (createdAt: number, message: string, data: object, type: 'message' | 'metrics') => ({
    object: 'fine_tuning.job.event',
    id: newId('ftevent-'),
    created_at: createdAt,
    level: 'info',
    message,
    type,
    data,
  });
  const events = [event(job.createdAt, `Created fine-tuning job: ${job.id}`, {}, 'message')];
  if (job.startedAt !== null) events.push(event(job.startedAt, 'Fine-tuning job started', {}, 'message'));
  if (kind === 'steps') {
    for (const { created_at: at, ...data } of await host.jobs.metrics(call, job.id)) {
      events.push(
        event(at, `Step ${data.step}/${data.total_steps}: training loss=${data.train_loss}`, data, 'metrics'),
      );
    }
  }
  if (job.finishedAt !== null) events.push(event(job.finishedAt, `The job has ended: ${job.state}`, {}, 'message'));
  // The same id for the same event each time: pages are asked for by it.
  const named = events.map((each, index) => ({ ...each, id: `ftevent-${job.id}-${index}` }));
  return kind === 'steps' ? named.reverse() : named.sort((a, b) => (a.message < b.message ? -1 : 1));
}

/** A page of a list, as OpenAI cuts it. @throws HostError 400 for an `after` that is not in the list */
function page<T extends { readonly id: string }>(
  entries: readonly T[],
  { query }: Call,
  show: (entry: T) => object,
  withEnds: boolean,
): object {
  const limit = Number(query.get('limit') ?? 20);
  const after = query.get('after');
  const from = after === null ? 0 : entries.findIndex(({ id }) => id === after) + 1;
  if (after !== null && from === 0) throw new HostError(400, `no entry has the id ${after}`, { param: 'after' });
  const shown = entries.slice(from, from + limit);
  return {
    object: 'list',
    data: shown.map(show),
    has_more: from + shown.length < entries.length,
    ...(withEnds ? { first_id: shown[0]?.id ?? '', last_id: shown.at(-1)?.id ?? '' } : {}),
  };
}

/** The body of an error as OpenAI writes it. */
export function openAIError({ status, message, code, param }: HostError): unknown {
  return { error: { message, type: status >= 500 ? 'server_error' : 'invalid_request_error', param, code } };
}

/** The hyperparameters of a request: those of the method, or the older ones beside it. */
export function hyperparametersOf(body: Call['body']): Record<string, unknown> {
  const method = isRecord(body.method) ? body.method : {};
  const supervised = isRecord(method.supervised) ? method.supervised : {};
  const given = supervised.hyperparameters ?? body.hyperparameters;
  return isRecord(given) ? { ...given } : {};
}

/** The fields of a request that all hosts of this protocol have. */
export function commonFields(body: Call['body']): Pick<NewJob, 'model' | 'trainingFile' | 'validationFile' | 'suffix'> {
  return {
    model: textOf(body, 'model'),
    trainingFile: textOf(body, 'training_file'),
    validationFile: typeof body.validation_file === 'string' ? body.validation_file : null,
    suffix: typeof body.suffix === 'string' ? body.suffix : null,
  };
}

/** @throws HostError 400 for a field that is missing */
export function textOf(body: Call['body'], field: string): string {
  const value = body[field];
  if (typeof value !== 'string') throw new HostError(400, `'${field}' is a required property`, { param: field });
  return value;
}

export function numberOrAuto(value: unknown): number | 'auto' {
  return typeof value === 'number' ? value : 'auto';
}

export function isMetadata(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((each) => typeof each === 'string');
}
