import { TuneloopError } from '../../src/errors.ts';
import { connectProvider } from '../../src/providers/connect.ts';
import { LOCAL } from '../../src/providers/profiles/local.ts';
import { type TinyServer, tinyServer } from './http-server.ts';

const VARIABLE = 'TUNELOOP_TEST_KEY';
let server: TinyServer;
const before = { [VARIABLE]: process.env[VARIABLE], OPENAI_API_KEY: process.env.OPENAI_API_KEY };

beforeEach(async () => {
  server = await tinyServer();
  server.answer = () => ({ body: { object: 'list', data: [{ id: 'local-mini' }], has_more: false } });
  delete process.env[VARIABLE];
  delete process.env.OPENAI_API_KEY;
});
afterEach(async () => {
  await server.close();
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

/** The error that a function throws at once. */
function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

test.each([
  ['openai', 'OPENAI_API_KEY'],
  [{ profile: 'generic', baseURL: 'https://api.example.com/v1', apiKeyEnv: VARIABLE }, VARIABLE],
] as const)('a missing key is an error that names the variable: %j', (choice, variable) => {
  const error = thrown(() => connectProvider(choice));
  expect(error).toBeInstanceOf(TuneloopError);
  expect(error).toMatchObject({
    code: 'ENVIRONMENT_INVALID',
    message: expect.stringContaining(`${variable} is not set`),
  });
});

test.each([
  [{ profile: 'azure', options: { resource: 'r', subscription: 's', resource_group: 'g' } }, true, false],
  [{ profile: 'crusoe', options: { project: 'p' } }, true, true],
  [{ profile: 'nebius' }, false, false],
] as const)('%j is connected; leases %s, estimates %s', (choice, leases, estimates) => {
  process.env[VARIABLE] = 'sk-mine';
  const provider = connectProvider({ ...choice, apiKeyEnv: VARIABLE });
  expect(provider.profile.name).toBe(choice.profile);
  expect(provider.serving !== null).toBe(leases);
  expect(provider.estimateJob !== null).toBe(estimates);
});

test('an empty key is a missing key', () => {
  process.env[VARIABLE] = '';
  expect(
    thrown(() => connectProvider({ profile: 'generic', baseURL: server.baseURL, apiKeyEnv: VARIABLE })),
  ).toMatchObject({
    code: 'ENVIRONMENT_INVALID',
  });
});

test('the key of the named variable is sent to the named address, and no other key', async () => {
  process.env[VARIABLE] = 'sk-mine';
  process.env.OPENAI_API_KEY = 'sk-other';
  const provider = connectProvider({ profile: 'generic', baseURL: server.baseURL, apiKeyEnv: VARIABLE });
  expect(await provider.inference.listModels()).toEqual([{ id: 'local-mini', shutdownDate: null }]);
  expect(server.received[0]).toMatchObject({ url: '/v1/models', headers: { authorization: 'Bearer sk-mine' } });
  expect(JSON.stringify(server.received)).not.toContain('sk-other');
  expect(provider.profile.wordModels).toBeNull();
});

test('the local trainer needs no key and gets none of the environment', async () => {
  process.env.OPENAI_API_KEY = 'sk-other';
  const provider = connectProvider('local', server.baseURL);
  expect(await provider.inference.listModels()).toEqual([{ id: 'local-mini', shutdownDate: null }]);
  expect(JSON.stringify(server.received)).not.toContain('sk-other');
  expect(provider.profile.wordModels?.test('local-base')).toBe(true);
});

test("organization and project of an OpenAI account are not sent to others' servers", async () => {
  process.env[VARIABLE] = 'sk-mine';
  const account = { OPENAI_ORG_ID: 'org-canary', OPENAI_PROJECT_ID: 'proj-canary' };
  const outside = Object.keys(account).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, account);
  try {
    await connectProvider({ profile: 'generic', baseURL: server.baseURL, apiKeyEnv: VARIABLE }).inference.listModels();
    expect(JSON.stringify(server.received)).not.toContain('canary');
  } finally {
    for (const [name, value] of outside) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test('the local trainer is looked for on this machine unless told otherwise', () => {
  expect(new URL(LOCAL.address).hostname).toBe('127.0.0.1');
  expect(connectProvider('local').profile.address).toBe(LOCAL.address);
});
