import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { AZURE } from '../../../src/providers/profiles/azure.ts';
import { type Call, type Front, HostError, type Route } from '../front.ts';
import type { Host } from '../host.ts';
import { newId } from '../ids.ts';
import type { HostLease } from '../leases.ts';
import { noModel } from '../models.ts';
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

const DOCUMENT = 'azure/fine-tuning.openapi.json';
const RESOURCE = '/openai/v1';
const MANAGEMENT = '/management';
const LOGIN = { tenant: 'tenant-1', client: 'client-1', secret: 'client-secret-1' };
const OPTIONS = { resource: 'tuneloop-test', subscription: 'subscription-1', resource_group: 'group-1' };
const FOLDER =
  `${MANAGEMENT}/subscriptions/${OPTIONS.subscription}/resourceGroups/${OPTIONS.resource_group}` +
  `/providers/Microsoft.CognitiveServices/accounts/${OPTIONS.resource}/deployments`;
/** In front of the key, it makes the token of the management: two servers, two credentials. */
const TOKEN = 'entra-';
const TRAINING_TYPES = ['Standard', 'GlobalStandard', 'developerTier'];

/** Azure OpenAI: a model is callable by the name of a deployment, which the management creates. */
export const AZURE_FRONT: Front = {
  profile: AZURE,
  routes: [
    ...openAIRoutes({
      prefix: RESOURCE,
      events: 'steps',
      filters: false,
      readJob: ({ body }) => {
        const { n_epochs, batch_size, learning_rate_multiplier } = hyperparametersOf(body);
        const common = commonFields(body);
        const { trainingType = 'Standard' } = body;
        if (!TRAINING_TYPES.some((type) => type === trainingType)) {
          throw new HostError(400, `trainingType ${trainingType} is unknown`, { param: 'trainingType' });
        }
        if (common.suffix?.includes('.')) throw new HostError(400, 'a suffix has no dots', { param: 'suffix' });
        return {
          ...common,
          seed: typeof body.seed === 'number' ? body.seed : null,
          metadata: isMetadata(body.metadata) ? body.metadata : null,
          epochs: numberOrAuto(n_epochs),
          batchSize: numberOrAuto(batch_size),
          learningRateMultiplier: numberOrAuto(learning_rate_multiplier),
          priceFactor: trainingType === 'developerTier' ? 0.5 : 1,
          extra: { trainingType },
        };
      },
      showJob: (job) => {
        const { epochs, batchSize, learningRateMultiplier, extra } = job;
        const hyperparameters = {
          n_epochs: epochs,
          batch_size: batchSize,
          learning_rate_multiplier: learningRateMultiplier,
        };
        return { ...openAIJob(job, hyperparameters), trainingType: extra.trainingType };
      },
      showCheckpoint: openAICheckpoint,
      callable: (name, { models, leases }) => {
        // Every customer has deployments of base models, charged by tokens: here with the names of the models.
        const base = models.bases.find(({ id, baseName }) => id === name || baseName === name);
        if (base) return { model: base, lease: null };
        const [deployed] = leases.find(name)?.models ?? [];
        if (!deployed) throw noDeployment(name);
        return { model: models.get(deployed.model), lease: leases.answering(deployed.model, name) };
      },
    }),
    { method: 'POST', path: '/login/{tenant}/oauth2/v2.0/token', operation: 'login', open: true, handle: logIn },
    ...deploymentRoutes(),
  ],
  specs: [
    { file: DOCUMENT, prefix: MANAGEMENT },
    { file: 'openai-fine-tuning.openapi.json', prefix: RESOURCE },
  ],
  furtherFields: ['trainingType'],
  invalidStatus: 400,
  errorBody: openAIError,
  errorSchema: { file: DOCUMENT, schema: 'ErrorResponse' },
  keyOf: ({ path, headers }) => {
    const token = headers.authorization?.replace(/^Bearer /, '');
    if (!path.startsWith(MANAGEMENT)) return headers['api-key'];
    return token?.startsWith(TOKEN) ? token.slice(TOKEN.length) : undefined;
  },
  names: {
    job: () => newId('ftjob-', 16),
    model: ({ model, suffix, id }) => `${model}.ft-${id.slice(6)}${suffix ? `-${suffix}` : ''}`,
    checkpoint: ({ id }, step) => `ftchkpt-${id.slice(6)}-${step}`,
  },
  settings: (origin) => ({
    baseURL: `${origin}${RESOURCE}`,
    addresses: { management: `${origin}${MANAGEMENT}`, login: `${origin}/login` },
    options: OPTIONS,
  }),
  env: { AZURE_TENANT_ID: LOGIN.tenant, AZURE_CLIENT_ID: LOGIN.client, AZURE_CLIENT_SECRET: LOGIN.secret },
};

function logIn({ body, params, origin }: Call, { options }: Host) {
  const { grant_type: grant, client_id: client, client_secret: secret, scope } = body;
  if (params.tenant !== LOGIN.tenant || client !== LOGIN.client || secret !== LOGIN.secret) {
    return { status: 401, body: { error: 'invalid_client', error_description: 'unknown application' } };
  }
  if (grant !== 'client_credentials' || scope !== `${origin}${MANAGEMENT}/.default`) {
    return { status: 400, body: { error: 'invalid_scope', error_description: `not for ${scope}` } };
  }
  return { body: { token_type: 'Bearer', expires_in: 3599, access_token: `${TOKEN}${options.apiKey}` } };
}

function deploymentRoutes(): Route[] {
  const path = `${FOLDER}/{deployment}`;
  return [
    {
      method: 'GET',
      path: FOLDER,
      operation: 'leases.list',
      handle: (call, { leases }) => {
        needsVersion(call);
        return { body: { value: leases.list().map(showDeployment) } };
      },
    },
    {
      method: 'GET',
      path,
      operation: 'leases.get',
      handle: (call, { leases }) => {
        needsVersion(call);
        const name = call.params.deployment ?? '';
        const lease = leases.find(name);
        if (!lease) throw new HostError(404, `${name} was not found`, { code: 'DeploymentNotFound' });
        return { body: showDeployment(lease) };
      },
    },
    { method: 'PUT', path, operation: 'leases.create', handle: putDeployment },
    {
      method: 'DELETE',
      path,
      operation: 'leases.delete',
      handle: (call, { leases }) => {
        needsVersion(call);
        const name = call.params.deployment ?? '';
        if (!leases.find(name)) return { status: 204 };
        leases.remove(name);
        return { status: 202 };
      },
    },
  ];
}

/** The same deployment again changes nothing. */
function putDeployment(call: Call, host: Host) {
  needsVersion(call);
  const name = call.params.deployment ?? '';
  const { sku, properties } = call.body;
  const wanted = isRecord(properties) && isRecord(properties.model) ? properties.model : {};
  const model = host.models.find(String(wanted.name));
  if (!model)
    throw new HostError(400, `the model ${wanted.name} does not exist`, { code: 'DeploymentModelNotSupported' });
  const known = host.leases.find(name);
  if (known && known.models[0]?.model !== model.id) {
    throw new HostError(409, `${name} is a deployment of another model`, { code: 'Conflict' });
  }
  if (known && known.state !== 'failed') return { status: 200, body: showDeployment(known) };
  if (known) host.leases.remove(name);
  const kind = isRecord(sku) ? String(sku.name).toLowerCase() : 'standard';
  const lease = host.leases.create(call, {
    name,
    kind,
    baseName: model.baseName,
    models: [model.id],
    // Developer has no price by the hour; its tokens are charged.
    ...(kind === 'developertier' ? { usdPerHour: 0 } : {}),
    extra: { sku, properties },
  });
  return { status: 201, body: showDeployment(lease) };
}

const STATES: Readonly<Record<HostLease['state'], string>> = {
  starting: 'Creating',
  ready: 'Succeeded',
  asleep: 'Succeeded',
  failed: 'Failed',
  removed: 'Deleting',
};

function showDeployment({ name, state, extra }: HostLease): object {
  const { sku, properties } = extra;
  return {
    id: `${FOLDER.slice(MANAGEMENT.length)}/${name}`,
    name,
    type: 'Microsoft.CognitiveServices/accounts/deployments',
    sku,
    properties: { ...(isRecord(properties) ? properties : {}), provisioningState: STATES[state] },
  };
}

function needsVersion({ query }: Call): void {
  if (!query.get('api-version'))
    throw new HostError(400, 'api-version is missing', { code: 'MissingApiVersionParameter' });
}

function noDeployment(name: string): HostError {
  const error = noModel(name);
  return new HostError(404, `The API deployment ${name} for this resource does not exist.`, {
    code: 'DeploymentNotFound',
    param: error.param,
  });
}
