import { homedir } from 'node:os';
import path from 'node:path';
import {
  childEnvironment,
  ENVIRONMENT_HELP,
  environmentWith,
  readApiKey,
  readAzureLogin,
  readDatabaseUrl,
  readEnvironment,
} from '../../src/config/environment.ts';

test('an empty environment has defaults', () => {
  expect(readEnvironment({})).toEqual({
    home: path.resolve('.tuneloop'),
    cache: expect.stringContaining(homedir()),
    engine: expect.stringMatching(/tuneloop.engine$/),
    taskQueue: 'tuneloop',
    temporalCli: undefined,
    workflowBundle: undefined,
    temporalUi: undefined,
    trainerUrl: undefined,
    pricesFile: undefined,
    logLevel: 'info',
    monthlyBudgetUsd: null,
    keysSet: [],
    searchPath: [],
  });
});

test('a variable that is set to nothing counts as not set', () => {
  const names = ['TUNELOOP_HOME', 'TUNELOOP_TASK_QUEUE', 'TUNELOOP_LOG_LEVEL', 'TUNELOOP_TRAINER_URL'];
  const more = [
    'TUNELOOP_PRICES',
    'TUNELOOP_UI_URL',
    'TUNELOOP_WORKFLOW_BUNDLE',
    'TEMPORAL_CLI',
    'OPENAI_API_KEY',
    'XDG_CACHE_HOME',
    'PATH',
  ];
  const empty = Object.fromEntries([...names, ...more].map((name) => [name, '']));
  expect(readEnvironment(empty)).toEqual(readEnvironment({}));
});

test('every variable is read', () => {
  const env = {
    TUNELOOP_HOME: 'state',
    TUNELOOP_TASK_QUEUE: 'queue',
    TEMPORAL_CLI: '/bin/temporal',
    TUNELOOP_UI_URL: 'https://ui.example.com',
    TUNELOOP_WORKFLOW_BUNDLE: '/built/workflow-bundle.js',
    TUNELOOP_TRAINER_URL: 'http://127.0.0.1:9/v1',
    TUNELOOP_PRICES: 'prices.json',
    TUNELOOP_LOG_LEVEL: 'debug',
    TUNELOOP_MONTHLY_BUDGET_USD: '250',
    OPENAI_API_KEY: 'sk-secret',
    XDG_CACHE_HOME: '/var/cache/me',
    PATH: ['/usr/bin', '', '/bin'].join(path.delimiter),
  };
  expect(readEnvironment(env)).toEqual({
    home: path.resolve('state'),
    cache: path.join('/var/cache/me', 'tuneloop'),
    engine: path.join('/var/cache/me', 'tuneloop', 'engine'),
    taskQueue: 'queue',
    temporalCli: '/bin/temporal',
    workflowBundle: '/built/workflow-bundle.js',
    temporalUi: 'https://ui.example.com',
    trainerUrl: 'http://127.0.0.1:9/v1',
    pricesFile: 'prices.json',
    logLevel: 'debug',
    monthlyBudgetUsd: 250,
    keysSet: ['OPENAI_API_KEY'],
    searchPath: ['/usr/bin', '/bin'],
  });
});

test.each(['abc', '-1', 'Infinity', '12 USD'])(
  'a monthly budget of %s is refused, and does not count as no budget',
  (text) => {
    expect(() => readEnvironment({ TUNELOOP_MONTHLY_BUDGET_USD: text })).toThrow(
      `TUNELOOP_MONTHLY_BUDGET_USD is ${text}: give an amount in USD`,
    );
  },
);

test('a monthly budget of 0 allows no spending', () => {
  expect(readEnvironment({ TUNELOOP_MONTHLY_BUDGET_USD: '0' }).monthlyBudgetUsd).toBe(0);
});

test('the key is not part of the environment object', () => {
  expect(JSON.stringify(readEnvironment({ OPENAI_API_KEY: 'sk-secret' }))).not.toContain('sk-secret');
});

describe('the cache folder', () => {
  const platform = process.platform;
  const on = (name: NodeJS.Platform) => Object.defineProperty(process, 'platform', { value: name });
  afterEach(() => on(platform));

  test.each<[NodeJS.Platform, NodeJS.ProcessEnv, string]>([
    ['linux', { XDG_CACHE_HOME: '/xdg' }, path.join('/xdg', 'tuneloop')],
    ['darwin', { XDG_CACHE_HOME: '/xdg' }, path.join('/xdg', 'tuneloop')],
    ['linux', {}, path.join(homedir(), '.cache', 'tuneloop')],
    ['darwin', {}, path.join(homedir(), 'Library', 'Caches', 'tuneloop')],
    ['win32', { LOCALAPPDATA: '/local' }, path.join('/local', 'tuneloop', 'Cache')],
    ['win32', {}, path.join(homedir(), '.cache', 'tuneloop')],
  ])('the cache folder is where %s keeps caches, with %j', (name, env, folder) => {
    on(name);
    expect(readEnvironment(env).cache).toBe(folder);
  });
});

describe('a key', () => {
  test('a key is read by the name of its variable', () => {
    expect(readApiKey('MY_KEY', { MY_KEY: 'sk-secret', OPENAI_API_KEY: 'sk-other' })).toBe('sk-secret');
  });

  test.each([{}, { MY_KEY: '' }])('a missing key is named by its variable: %j', (env) => {
    expect(() => readApiKey('MY_KEY', { ...env, OPENAI_API_KEY: 'sk-other' })).toThrow(
      expect.objectContaining({
        code: 'ENVIRONMENT_INVALID',
        message: expect.stringMatching(/^MY_KEY is not set: (?!.*sk-other)/),
      }),
    );
  });

  test.each(['sk-secret\n', 'sk\u0000secret', '\rsk-secret'])(
    'a key with a control character is refused unseen: %j',
    (key) => {
      expect(() => readApiKey('MY_KEY', { MY_KEY: key })).toThrow(/^MY_KEY holds a line break (?!.*secret)/);
    },
  );
});

describe('the address of a database', () => {
  test.each(['postgres://me:pw@db/log', 'postgresql://db:5432/log?sslmode=require'])(
    'the address of a database is read: %s',
    (url) => {
      expect(readDatabaseUrl('LOG_URL', { LOG_URL: url })).toBe(url);
    },
  );

  test.each([undefined, '', 'hidden', 'https://me:hidden@host/db', 'host=db password=hidden', 'postgres://hidden\n'])(
    'an unusable address of a database is refused by the name of its variable, unseen: %j',
    (url) => {
      expect(() => readDatabaseUrl('LOG_URL', { LOG_URL: url })).toThrow(
        expect.objectContaining({
          code: 'ENVIRONMENT_INVALID',
          message: expect.stringMatching(/^LOG_URL (?!.*hidden)/),
        }),
      );
    },
  );
});

test('a child process gets our variables, with some changed or taken away', () => {
  process.env.TUNELOOP_TEST_KEPT = 'kept';
  try {
    const env = childEnvironment({ TUNELOOP_TEST_SET: 'set', TUNELOOP_TEST_KEPT: undefined });
    expect(env).toMatchObject({ PATH: process.env.PATH, TUNELOOP_TEST_SET: 'set' });
    expect(env.TUNELOOP_TEST_KEPT).toBeUndefined();
    expect(childEnvironment({})).toMatchObject({ TUNELOOP_TEST_KEPT: 'kept' });
    expect(process.env.TUNELOOP_TEST_SET).toBeUndefined();
  } finally {
    delete process.env.TUNELOOP_TEST_KEPT;
  }
});

test.each([
  'TUNELOOP_HOME',
  'TUNELOOP_TRAINER_URL',
  'TUNELOOP_PRICES',
  'TEMPORAL_ADDRESS',
  'OPENAI_API_KEY',
  'FIREWORKS_API_KEY',
])('the help names %s', (variable) => {
  expect(ENVIRONMENT_HELP).toContain(`  ${variable} `);
});

test('a relative XDG_CACHE_HOME is ignored, as its specification says', () => {
  expect(path.isAbsolute(readEnvironment({ XDG_CACHE_HOME: 'cache' }).cache)).toBe(true);
});

test('settings of a program win over the variables, and null removes the cap', () => {
  const env = { TUNELOOP_HOME: '/from/variable', TUNELOOP_TASK_QUEUE: 'variable', TUNELOOP_MONTHLY_BUDGET_USD: '5' };
  expect(environmentWith({}, env)).toEqual(readEnvironment(env));
  expect(environmentWith({ home: '/own', taskQueue: 'own', monthlyBudgetUsd: null }, env)).toEqual({
    ...readEnvironment(env),
    home: '/own',
    taskQueue: 'own',
    monthlyBudgetUsd: null,
  });
});

test('a token for the management of Azure wins over the credentials of an application', () => {
  const application = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's' };
  expect(readAzureLogin(application)).toEqual({ tenant: 't', clientId: 'c', clientSecret: 's' });
  expect(readAzureLogin({ ...application, AZURE_MANAGEMENT_TOKEN: 'token' })).toEqual({ token: 'token' });
});

test.each(['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET'])(
  'credentials of Azure without %s are refused by its name',
  (name) => {
    const application = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's', [name]: '' };
    expect(() => readAzureLogin(application)).toThrow(`${name} is not set`);
  },
);
