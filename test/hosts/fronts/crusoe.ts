import { CRUSOE } from '../../../src/providers/profiles/crusoe.ts';
import { effectOf } from '../faults.ts';
import { type Call, type Front, HostError } from '../front.ts';
import type { Host } from '../host.ts';
import { newId } from '../ids.ts';
import type { HostJob, NewJob } from '../jobs.ts';
import type { HostLease } from '../leases.ts';
import { type HostModel, noModel } from '../models.ts';
import { catalogueId } from './crusoe-catalogue.ts';
import { PROJECT, servingRoutes } from './crusoe-serving.ts';
import {
  commonFields,
  hyperparametersOf,
  isMetadata,
  numberOrAuto,
  openAICheckpoint,
  openAIError,
  openAIJob,
  openAIRoutes,
} from './openai-shape.ts';

const DOCUMENT = 'crusoe/fine-tuning.openapi.json';
const OPENAI_DOCUMENT = 'openai-fine-tuning.openapi.json';
/** One port plays three servers. */
const TRAINING = '/train/v1';
const INFERENCE = '/inference/v1';
const CLOUD = '/cloud/v1';
const FOUNDRY = `${CLOUD}/projects/{project}/foundry`;
const USUAL_RATE = 1e-4;

/** Crusoe: models have ids of a catalogue, figures and adapters requests of their own. */
export const CRUSOE_FRONT: Front = {
  profile: CRUSOE,
  routes: [
    {
      method: 'POST',
      path: `${TRAINING}/fine_tuning/jobs/estimate_price`,
      operation: 'jobs.estimate',
      handle: estimate,
    },
    { method: 'GET', path: `${TRAINING}/fine_tuning/jobs/{id}/metrics`, operation: 'jobs.metrics', handle: metrics },
    ...openAIRoutes({
      prefix: TRAINING,
      chatPrefix: INFERENCE,
      events: 'states in no order',
      filters: false,
      readJob,
      showJob,
      showCheckpoint: (point, job) => {
        const { step, train_loss, valid_loss, full_valid_loss } = point.metrics;
        return {
          ...openAICheckpoint(point, job),
          // A label for people; the id is what can be loaded.
          fine_tuned_model_checkpoint: `${job.suffix ?? 'model'}-step-${point.step}`,
          fine_tuned_model_id: point.model,
          metrics: JSON.parse(JSON.stringify({ step, train_loss, valid_loss, full_valid_loss })),
        };
      },
      showModel: (model) => ({
        ...showCallable(model),
        ...(model.tuned ? {} : { id: catalogueId(model), model_name: model.id }),
      }),
      callable,
    }),
    {
      method: 'GET',
      path: `${INFERENCE}/models`,
      operation: 'models.list',
      handle: (_, { models }) => ({ body: { object: 'list', data: models.bases.map(showCallable) } }),
    },
    ...servingRoutes(FOUNDRY),
  ],
  specs: [
    { file: DOCUMENT, prefix: TRAINING, only: '/fine_tuning' },
    { file: DOCUMENT, prefix: CLOUD, only: '/projects' },
    { file: OPENAI_DOCUMENT, prefix: TRAINING },
    { file: OPENAI_DOCUMENT, prefix: INFERENCE },
  ],
  furtherFields: ['metadata'],
  invalidStatus: 400,
  errorBody: openAIError,
  errorSchema: { file: OPENAI_DOCUMENT, schema: 'ErrorResponse' },
  names: {
    job: () => newId('ftjob-'),
    model: () => newId('ftmodel-'),
    checkpoint: () => newId('ftmodel-'),
  },
  // A model is registered seconds after its job has succeeded.
  defaults: { modelLateMs: 500 },
  settings: (origin) => ({
    baseURL: `${origin}${TRAINING}`,
    addresses: { inference: `${origin}${INFERENCE}`, deployments: `${origin}${CLOUD}` },
    options: { project: PROJECT },
  }),
};

function showCallable({ id, tuned, createdAt }: HostModel): Record<string, unknown> {
  return {
    id,
    object: 'model',
    created: createdAt,
    owned_by: tuned ? PROJECT : 'crusoe',
    fine_tuning_available: !tuned,
  };
}

function readJob({ body }: Call, { models }: Host): NewJob {
  const given = hyperparametersOf(body);
  const common = commonFields(body);
  const base = models.bases.find((model) => catalogueId(model) === common.model);
  if (!base) throw new HostError(400, `no model of the catalogue has the id ${common.model}`, { param: 'model' });
  const { learning_rate: rate, learning_rate_multiplier: multiplier } = given;
  return {
    ...common,
    model: base.id,
    seed: typeof body.seed === 'number' ? body.seed : null,
    metadata: isMetadata(body.metadata) ? body.metadata : null,
    epochs: numberOrAuto(given.n_epochs),
    batchSize: numberOrAuto(given.batch_size),
    learningRateMultiplier: typeof rate === 'number' ? rate / USUAL_RATE : numberOrAuto(multiplier),
    extra: { hyperparameters: given },
  };
}

function showJob(job: HostJob): object {
  const { hyperparameters: given } = job.extra;
  const { user_provided_suffix: suffix, ...shown } = openAIJob(job, typeof given === 'object' ? (given ?? {}) : {});
  return { ...shown, model: catalogueId({ id: job.model }), suffix, hyperparameters: null };
}

/** A base model on shared machines, an adapter beside it, or a machine of one's own by its name. */
function callable(name: string, { models, leases }: Host): { model: HostModel; lease: HostLease | null } {
  const deployment = leases.find(name, 'deployment');
  const model = models.find(deployment?.models[0]?.model ?? name);
  if (!model) throw noModel(name);
  if (deployment) return { model, lease: leases.answering(model.id, name, 'deployment') };
  return { model, lease: model.tuned ? leases.answering(model.id, undefined, 'lora') : null };
}

function estimate(call: Call, host: Host) {
  const { model, trainingFile, epochs } = readJob(call, host);
  const tokens = host.files.get(trainingFile).content?.tokens ?? 0;
  const trained = tokens * (typeof epochs === 'number' ? epochs : 3);
  const usd = host.tariff.training(host.models.baseOf(model) ?? model, 'succeeded', trained);
  return { body: { estimated_price: usd, estimated_tokens: trained } };
}

/** Series without times: steps and losses side by side, and one loss for each evaluation. */
async function metrics(call: Call, host: Host) {
  const points = await host.jobs.metrics({ ...call, effects: [] }, call.params.id ?? '');
  const hasGaps = effectOf(call.effects, 'gaps') !== undefined;
  const last = points.at(-1);
  const series = (name: string, values: (number | undefined)[]) => ({
    metric_name: name,
    data: values.flatMap((value) => (value === undefined ? [] : [{ value }])),
  });
  const losses = points.map(({ train_loss: loss }) => loss);
  return {
    body: {
      metrics: [
        series(
          'ev_current_step',
          points.map(({ step }) => step),
        ),
        series('ev_total_steps', last ? [last.total_steps] : []),
        series('ev_loss', hasGaps ? losses.filter((_, index) => index % 2 === 1) : losses),
        series(
          'ev_eval_loss',
          points.map(({ full_valid_loss: loss }) => loss),
        ),
      ],
    },
  };
}
