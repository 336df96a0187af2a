import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LeaseRequest } from '../../../src/core/run/lease.ts';
import { TuneloopError } from '../../../src/errors.ts';
import { azureProvider } from '../../../src/providers/dialects/azure.ts';
import { profileOf } from '../../../src/providers/profiles/index.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import type { Serving } from '../../../src/providers/serving.ts';
import { describeServing } from '../../../src/testing/serving.ts';
import { type Answer, type Received, rejection } from '../http-server.ts';
import { type HostServer, hostServer, jsonOf, paged } from './host-server.ts';
import { jobBody, LABEL, REQUEST } from './job.ts';

const VARIABLES = ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET', 'AZURE_MANAGEMENT_TOKEN'];
const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
const FOLDER =
  '/v1/subscriptions/sub-1/resourceGroups/group-1/providers/Microsoft.CognitiveServices/accounts/my-resource/deployments';
const MODEL = 'gpt-4.1-mini-2025-04-14.ft-0001';

let server: HostServer;
let provider: Provider;

function azureAt(baseURL: string, options: Record<string, unknown> = {}): Provider {
  const profile = profileOf({
    profile: 'azure',
    options: { resource: 'my-resource', subscription: 'sub-1', resource_group: 'group-1', ...options },
  });
  return azureProvider(
    { ...profile, address: baseURL, addresses: { management: baseURL, login: `${baseURL}/login` } },
    'key-of-the-resource',
  );
}

function servingOf({ serving }: Provider): Serving {
  if (!serving) throw new Error('it serves nothing');
  return serving;
}

beforeEach(async () => {
  server = await hostServer('azure');
  provider = azureAt(server.baseURL);
  for (const name of VARIABLES) delete process.env[name];
  process.env.AZURE_MANAGEMENT_TOKEN = 'token-of-management';
});
afterEach(async () => {
  await server.close();
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  expect(server.problems).toEqual([]);
});

describe('training at Azure', () => {
  test('a job has the training type of the settings, the dated model, and else the body of OpenAI', async () => {
    server.reply = () => ({ body: jobBody('ftjob-1') });
    provider = azureAt(server.baseURL, { training_type: 'developerTier' });
    await provider.training.createJob(REQUEST);
    expect(jsonOf(server.received[0])).toEqual({
      model: 'gpt-4.1-mini-2025-04-14',
      training_file: 'file-train',
      validation_file: 'file-validation',
      suffix: LABEL,
      seed: 42,
      metadata: expect.objectContaining({ tuneloop_key: REQUEST.key }),
      method: {
        type: 'supervised',
        supervised: { hyperparameters: { learning_rate_multiplier: 2, n_epochs: 3 } },
      },
      trainingType: 'developerTier',
    });
  });

  test('the suffix has no dot and at most 40 characters, however long the name of the pipeline', async () => {
    server.reply = () => ({ body: jobBody('ftjob-1') });
    await provider.training.createJob({ ...REQUEST, owner: { ...REQUEST.owner, pipeline: 'a'.repeat(63) } });
    expect(jsonOf(server.received[0]).suffix).toMatch(/^[a-z0-9-]{22,40}$/);
  });

  test('the key is sent in the header api-key, and in no other', async () => {
    server.reply = paged([[]]);
    await provider.training.findJobs(REQUEST);
    expect(server.received[0]?.headers['api-key']).toBe('key-of-the-resource');
    expect(server.received[0]?.headers.authorization).toBeUndefined();
  });

  test('a training file begins with a byte order mark, and is found by its size with the mark', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-azure-'));
    const rows = '{"messages":[]}\n';
    writeFileSync(path.join(folder, 'rows'), rows);
    const bytes = Buffer.byteLength(rows);
    const file = { id: 'file-1', object: 'file', bytes: bytes + 3, created_at: 1, filename: 'train.jsonl' };
    const stored = { ...file, purpose: 'fine-tune', status: 'processed' };
    server.reply = ({ method }) =>
      method === 'POST'
        ? { body: stored }
        : { body: { object: 'list', data: [stored], has_more: false, first_id: 'file-1', last_id: 'file-1' } };
    await provider.training.uploadFile('train.jsonl', path.join(folder, 'rows'));
    rmSync(folder, { recursive: true });
    expect(server.received[0]?.body).toContain(`\r\n\r\n\uFEFF${rows}`);
    expect(await provider.training.findFile('train.jsonl', bytes)).toBe('file-1');
    expect(await provider.training.findFile('train.jsonl', bytes + 3)).toBeUndefined();
  });

  test('a job is found by its metadata on any page, and the list is asked for no metadata', async () => {
    const ours = jobBody('ftjob-3', { metadata: { tuneloop_key: REQUEST.key } });
    server.reply = paged([[jobBody('ftjob-1', { seed: 1 })], [jobBody('ftjob-2', { seed: 2 })], [ours]]);
    expect(await provider.training.findJobs(REQUEST)).toMatchObject([{ id: 'ftjob-3' }]);
    expect(server.received).toHaveLength(3);
    for (const { url } of server.received) expect(url).not.toContain('metadata');
  });

  test('a server that answers with its first page for ever is asked twice', async () => {
    server.reply = () => ({ body: { object: 'list', data: [jobBody('ftjob-1', { seed: 1 })], has_more: true } });
    expect(await provider.training.findJobs(REQUEST)).toEqual([]);
    expect(server.received).toHaveLength(2);
  });

  test('only the last three checkpoints of a job are told, because no others can be deployed', async () => {
    const checkpoints = [4, 3, 2, 1].map((epoch) => ({
      id: `ftchkpt-${epoch}`,
      object: 'fine_tuning.job.checkpoint',
      created_at: epoch,
      fine_tuning_job_id: 'ftjob-1',
      fine_tuned_model_checkpoint: `ftchkpt-${epoch}`,
      step_number: epoch * 10,
      metrics: {},
    }));
    server.reply = () => ({ body: { object: 'list', data: checkpoints, has_more: false } });
    expect((await provider.training.listCheckpoints('ftjob-1')).map(({ epoch, model }) => [epoch, model])).toEqual([
      [2, 'ftchkpt-2'],
      [3, 'ftchkpt-3'],
      [4, 'ftchkpt-4'],
    ]);
  });

  test('the check before a run asks for the deployments too, because a model is called through one', async () => {
    server.reply = ({ url }) =>
      url.startsWith(FOLDER)
        ? { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no right to deployments' } } }
        : paged([[]])({ method: 'GET', url, headers: {}, body: '' });
    expect(await rejection(provider.training.checkFineTuning())).toMatchObject({
      code: 'PROVIDER_REFUSED',
      message: expect.stringContaining('no right to deployments'),
    });
  });
});

describe('deployments at Azure', () => {
  const lease: LeaseRequest = { name: 'support-1', models: [MODEL], baseModel: 'gpt-4.1-mini' };
  const notFound: Answer = {
    status: 404,
    body: { error: { code: 'DeploymentNotFound', message: 'no such deployment' } },
  };

  test('a deployment is put under our name with the model, the kind and the size of the settings', async () => {
    server.reply = ({ method }) => (method === 'GET' ? notFound : { status: 201, body: deployment('support-1') });
    const { state, callAs } = await servingOf(azureAt(server.baseURL, { capacity: 10 })).create(lease);
    expect({ state, callAs }).toEqual({ state: 'ready', callAs: ['support-1'] });
    const put = server.received.find(({ method }) => method === 'PUT');
    expect(put?.url).toBe(`${FOLDER}/support-1?api-version=2024-10-21`);
    expect(put?.headers.authorization).toBe('Bearer token-of-management');
    expect(put?.headers['api-key']).toBeUndefined();
    expect(jsonOf(put)).toEqual({
      sku: { name: 'developertier', capacity: 10 },
      properties: { model: { format: 'OpenAI', name: MODEL, version: '1' } },
    });
  });

  test('a deployment for production is not of the kind that ends after 24 hours', async () => {
    server.reply = ({ method }) => (method === 'GET' ? notFound : { status: 201, body: deployment('support-1') });
    await servingOf(azureAt(server.baseURL)).create({ ...lease, kept: true });
    const put = server.received.find(({ method }) => method === 'PUT');
    expect(jsonOf(put)).toMatchObject({ sku: { name: 'globalstandard' } });
  });

  test.each([
    ['Accepted', 'starting'],
    ['Creating', 'starting'],
    ['Succeeded', 'ready'],
    ['Failed', 'failed'],
    ['Canceled', 'failed'],
    ['Disabled', 'failed'],
  ])('a deployment that is %s is %s', async (provisioningState, state) => {
    server.reply = () => ({ body: deployment('support-1', MODEL, provisioningState) });
    const found = await servingOf(provider).find(lease);
    expect(found).toMatchObject({ state, status: provisioningState });
    expect(found?.failure === null).toBe(state !== 'failed');
  });

  test('a deployment that is being deleted is none', async () => {
    server.reply = () => ({ body: deployment('support-1', MODEL, 'Deleting') });
    expect(await servingOf(provider).find(lease)).toBeUndefined();
  });

  test('deployments are listed from all pages, with their models', async () => {
    server.reply = ({ url }) =>
      url.includes('skip')
        ? { body: { value: [deployment('support-2')] } }
        : {
            body: {
              value: [deployment('support-1'), deployment('other-1')],
              nextLink: `${server.baseURL}${FOLDER.slice(3)}?api-version=2024-10-21&skip=2`,
            },
          };
    expect(await servingOf(provider).list('support-')).toEqual([
      { name: 'support-1', models: [MODEL] },
      { name: 'support-2', models: [MODEL] },
    ]);
  });

  test('the token follows no link to another server', async () => {
    server.reply = () => ({ body: { value: [], nextLink: 'https://example.com/next' } });
    expect(await rejection(servingOf(provider).list(''))).toMatchObject({ code: 'PROVIDER_REFUSED', retryable: false });
    expect(server.received).toHaveLength(1);
  });

  test('without any credentials the error names a variable', async () => {
    delete process.env.AZURE_MANAGEMENT_TOKEN;
    const error = await rejection(servingOf(provider).list(''));
    expect(error).toBeInstanceOf(TuneloopError);
    expect(error).toMatchObject({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining('AZURE_TENANT_ID') });
    expect(server.received).toEqual([]);
  });
});

describe('tokens of Microsoft Entra', () => {
  const login =
    (seconds: number | string) =>
    (request: Received): Answer =>
      request.url.includes('/login/')
        ? { body: { token_type: 'Bearer', access_token: `token-${server.received.length}`, expires_in: seconds } }
        : { body: { value: [] } };
  beforeEach(() => {
    delete process.env.AZURE_MANAGEMENT_TOKEN;
    Object.assign(process.env, {
      AZURE_TENANT_ID: 'tenant-1',
      AZURE_CLIENT_ID: 'client-1',
      AZURE_CLIENT_SECRET: 'secret-of-the-client',
    });
  });

  test('the credentials of an application get a token for the management, which is kept by the process', async () => {
    server.reply = login(3600);
    await servingOf(provider).list('');
    await servingOf(azureAt(server.baseURL)).list('');
    const [asked, first, second] = server.received;
    expect(server.received).toHaveLength(3);
    expect(asked).toMatchObject({ method: 'POST', url: '/v1/login/tenant-1/oauth2/v2.0/token' });
    expect(asked?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client-1',
      client_secret: 'secret-of-the-client',
      scope: `${server.baseURL}/.default`,
    });
    expect(first?.headers.authorization).toBe('Bearer token-1');
    expect(second?.headers.authorization).toBe('Bearer token-1');
  });

  test('a token that expires within five minutes is replaced', async () => {
    server.reply = login('299');
    await servingOf(provider).list('');
    await servingOf(provider).list('');
    expect(server.received.filter(({ url }) => url.includes('/login/'))).toHaveLength(2);
  });

  test('neither the secret nor the token stands in an error', async () => {
    const repeating = ({ url, headers, body }: Received): Answer =>
      url.includes('/login/') && server.received.length > 1
        ? { body: { access_token: 'token-that-nobody-may-see', expires_in: 3600 } }
        : { status: 401, body: { error: { code: 'denied', message: `you sent ${headers.authorization ?? body}` } } };
    server.reply = repeating;
    const refusedLogin = await rejection(servingOf(provider).list(''));
    const refusedCall = await rejection(servingOf(provider).list(''));
    expect(String(refusedLogin)).toContain('you sent');
    expect(String(refusedLogin)).not.toContain('secret-of-the-client');
    expect(String(refusedCall)).toContain('you sent');
    expect(String(refusedCall)).not.toContain('nobody-may-see');
  });
});

describeServing('Azure', async () => {
  const azure = await hostServer('azure');
  process.env.AZURE_MANAGEMENT_TOKEN = 'token-of-management';
  azure.reply = resourceManager([MODEL, `${MODEL}b`]);
  const { serving, inference } = azureAt(azure.baseURL);
  if (!serving) throw new Error('it serves nothing');
  const close = async () => {
    await azure.close();
    expect(azure.problems).toEqual([]);
  };
  return { serving, inference, baseModel: 'gpt-4.1-mini', models: [MODEL, `${MODEL}b`], keepsNames: true, close };
});

function deployment(name: string, model = MODEL, provisioningState = 'Succeeded') {
  return {
    name,
    sku: { name: 'developertier', capacity: 50 },
    properties: { model: { format: 'OpenAI', name: model, version: '1' }, provisioningState },
  };
}

/** Deployments whose state changes with every look. */
function resourceManager(models: readonly string[]): (request: Received) => Answer {
  const kept = new Map<string, { model: string; looks: number; deleting: boolean }>();
  const shown = (name: string) => {
    const found = kept.get(name);
    if (!found) return undefined;
    found.looks += 1;
    return deployment(name, found.model, found.deleting ? 'Deleting' : found.looks > 3 ? 'Succeeded' : 'Creating');
  };
  return ({ method, url, body }) => {
    const { pathname } = new URL(url, 'http://host');
    if (pathname === '/v1/chat/completions') {
      const { model } = JSON.parse(body) as { model: string };
      if (!kept.has(model)) return { status: 404, body: { error: { message: 'no such deployment' } } };
      return { body: { choices: [{ message: { role: 'assistant', content: 'delivery' }, finish_reason: 'stop' }] } };
    }
    const name = pathname.slice(FOLDER.length + 1);
    if (name === '') return { body: { value: [...kept.keys()].map((each) => shown(each)) } };
    if (method === 'GET') {
      const found = shown(name);
      if (kept.get(name)?.deleting) kept.delete(name);
      return found
        ? { body: found }
        : { status: 404, body: { error: { code: 'DeploymentNotFound', message: 'none' } } };
    }
    const known = kept.get(name);
    if (method === 'DELETE') {
      if (known) known.deleting = true;
      return { status: known ? 202 : 204, body: '' };
    }
    const { properties } = JSON.parse(body) as { properties: { model: { name: string } } };
    if (known) return { status: 409, body: { error: { code: 'RequestConflict', message: 'another operation' } } };
    if (!models.includes(properties.model.name)) {
      return { status: 400, body: { error: { code: 'InvalidModel', message: 'no such model' } } };
    }
    kept.set(name, { model: properties.model.name, looks: 0, deleting: false });
    return { status: 201, body: deployment(name, properties.model.name, 'Creating') };
  };
}
