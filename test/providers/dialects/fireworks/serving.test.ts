import { BASE, DEPLOYMENT, deployment, loaded, MODEL } from './answers.ts';
import { type FireworksHost, fireworksHost, providerError, refusal } from './host.ts';

let host: FireworksHost;
beforeEach(async () => {
  host = await fireworksHost();
});
afterEach(() => host.close());

describe('a serving lease at Fireworks', () => {
  const request = { name: 'run-7', baseModel: 'llama-3.1-8b-instruct', models: [MODEL] };
  const other = 'accounts/acme/models/other';
  const serving = () => {
    const { serving: port } = host.provider;
    if (!port) throw new Error('no serving');
    return port;
  };
  const deployedModels = (...entries: object[]) => {
    host.routes['GET deployedModels'] = { body: { deployedModels: entries } };
  };

  test('a deployment is created with our name, scales to zero, and has no end of its own', async () => {
    host.routes['POST deployments'] = { body: deployment({ state: 'CREATING' }) };
    expect(await serving().create(request)).toEqual({
      state: 'starting',
      status: 'CREATING, 0 of 1 models loaded',
      failure: null,
      callAs: [`${MODEL}#${DEPLOYMENT}`],
      createdAt: Date.parse('2026-11-30T10:00:00Z') / 1000,
      usdPerHour: null,
    });
    expect(host.sent('POST deployments')).toEqual([
      {
        query: { deploymentId: 'run-7' },
        body: {
          displayName: 'run-7',
          baseModel: BASE,
          enableAddons: true,
          minReplicaCount: 0,
          maxReplicaCount: 1,
          autoscalingPolicy: { scaleToZeroWindow: '1200s' },
        },
      },
    ]);
    expect(host.sent('POST deployedModels')).toEqual([]);
  });

  test('a deployment for production keeps a machine, and never scales to zero', async () => {
    host.routes['POST deployments'] = { body: deployment({ state: 'CREATING' }) };
    await serving().create({ ...request, kept: true });
    const [sent] = host.sent('POST deployments');
    expect(sent?.body).toMatchObject({ minReplicaCount: 1 });
    expect(sent?.body).not.toHaveProperty('autoscalingPolicy');
  });

  test('models are loaded once the deployment is ready, each once', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels(loaded(MODEL, { state: 'DEPLOYING' }), loaded(other, { deployment: `${DEPLOYMENT}-2` }));
    host.routes['POST deployedModels'] = { body: loaded(other, { state: 'DEPLOYING' }) };
    const wanted = { ...request, models: [MODEL, request.baseModel, other] };
    expect(await serving().find(wanted)).toMatchObject({
      state: 'starting',
      callAs: [`${MODEL}#${DEPLOYMENT}`, `${BASE}#${DEPLOYMENT}`, `${other}#${DEPLOYMENT}`],
    });
    expect(host.sent('POST deployedModels').map(({ body }) => body)).toEqual([
      { model: other, deployment: DEPLOYMENT },
    ]);
    deployedModels(loaded(MODEL), loaded(other));
    expect(await serving().find(wanted)).toMatchObject({ state: 'ready', status: 'READY, 2 of 2 models loaded' });
  });

  test('a lease of the base model alone is ready with its deployment', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    const lease = await serving().find({ ...request, models: [request.baseModel] });
    expect(lease).toMatchObject({ state: 'ready', callAs: [`${BASE}#${DEPLOYMENT}`] });
  });

  test('a second creation takes the deployment over and loads what is missing', async () => {
    host.routes['POST deployments'] = refusal(409, 6, 'already exists');
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels();
    host.routes['POST deployedModels'] = { body: loaded(MODEL, { state: 'DEPLOYING' }) };
    expect(await serving().create(request)).toMatchObject({ state: 'starting' });
    expect(host.sent('POST deployments')).toHaveLength(1);
    expect(host.sent('POST deployedModels')).toHaveLength(1);
  });

  test('a model that another attempt has loaded is waited for', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels();
    host.routes['POST deployedModels'] = refusal(409, 6, 'already exists');
    expect(await serving().find(request)).toMatchObject({ state: 'starting', failure: null });
  });

  test.each(['DELETING', 'DELETED'])('a deployment that is %s is no lease any more', async (state) => {
    host.routes['GET deployments/run-7'] = { body: deployment({ state }) };
    expect(await serving().find(request)).toBeUndefined();
  });

  test('a deployment that was deleted by hand is no lease any more', async () => {
    expect(await serving().find(request)).toBeUndefined();
  });

  test('a deleted deployment that keeps its name is refused for good, one that is about to go is not', async () => {
    host.routes['POST deployments'] = refusal(409, 6, 'already exists');
    host.routes['GET deployments/run-7'] = { body: deployment({ state: 'DELETED' }) };
    expect(await providerError(serving().create(request))).toMatchObject({ retryable: false });
    host.routes['GET deployments/run-7'] = { body: deployment({ state: 'DELETING' }) };
    expect(await providerError(serving().create(request))).toMatchObject({ retryable: true });
  });

  test('a deployment that fails says why', async () => {
    const status = { code: 'RESOURCE_EXHAUSTED', message: 'no H100 is free' };
    host.routes['GET deployments/run-7'] = { body: deployment({ state: 'FAILED', status }) };
    expect(await serving().find(request)).toMatchObject({
      state: 'failed',
      failure: 'RESOURCE_EXHAUSTED: no H100 is free',
    });
  });

  test('a deployment that never gets ready is starting for ever, and loads nothing', async () => {
    host.routes['GET deployments/run-7'] = { body: JSON.stringify(deployment({ state: 'THINKING' })) };
    expect(await serving().find(request)).toMatchObject({ state: 'starting' });
    expect(host.sent('POST deployedModels')).toEqual([]);
  });

  test('a model that the provider refuses makes the lease fail', async () => {
    host.routes['GET deployments/run-7'] = { body: deployment() };
    deployedModels();
    host.routes['POST deployedModels'] = refusal(400, 3, 'the model has another base');
    const lease = await serving().find(request);
    expect(lease).toMatchObject({ state: 'failed' });
    expect(lease?.failure).toContain('the model has another base');
  });

  test('leases are listed by the beginning of their name, without deleted ones', async () => {
    const named = (name: string, state = 'READY') => deployment({ name: `accounts/acme/deployments/${name}`, state });
    host.routes['GET deployments'] = [
      { body: { deployments: [named('run-7'), named('else')], nextPageToken: 'x' } },
      { body: { deployments: [named('run-8', 'DELETED'), named('run-9', 'FAILED')] } },
    ];
    expect((await serving().list('run-')).map(({ name }) => name)).toEqual(['run-7', 'run-9']);
  });

  test('a removal deletes the models of the deployment, and the deployment with its name', async () => {
    const entry = (id: string, changes: object = {}) =>
      loaded(MODEL, { name: `accounts/acme/deployedModels/${id}`, ...changes });
    deployedModels(entry('dm-1'), entry('dm-2', { deployment: `${DEPLOYMENT}-2` }), entry('dm-3'));
    host.routes['DELETE deployedModels/dm-1'] = { body: {} };
    host.routes['DELETE deployments/run-7'] = { body: {} };
    await serving().remove(request);
    expect(host.server.received.filter(({ method }) => method === 'DELETE').map(({ url }) => url)).toEqual([
      '/v1/accounts/acme/deployedModels/dm-1',
      '/v1/accounts/acme/deployedModels/dm-3',
      '/v1/accounts/acme/deployments/run-7?ignoreChecks=true&hard=true',
    ]);
  });

  test('a deployment is deleted even if its models cannot be', async () => {
    host.routes['GET deployedModels'] = refusal(500, 13, 'no list today');
    host.routes['DELETE deployments/run-7'] = { body: {} };
    await serving().remove(request);
    expect(host.sent('DELETE deployments/run-7')).toHaveLength(1);
  });

  test('a refused deletion is tried again, and a missing deployment is no error', async () => {
    deployedModels();
    host.routes['DELETE deployments/run-7'] = [refusal(429, 8, 'too early'), refusal(404, 5, 'gone')];
    expect(await providerError(serving().remove(request))).toMatchObject({ retryable: true });
    expect(await serving().remove(request)).toBeUndefined();
  });
});
