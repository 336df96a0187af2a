import { execFile } from 'node:child_process';
import path from 'node:path';
import { inspect, promisify } from 'node:util';
import OpenAI from 'openai';
import { classifyError, ProviderError } from '../../src/providers/provider-error.ts';
import { type Answer, rejection, type TinyServer, tinyServer } from './http-server.ts';

const KEY = 'sk-canary-0123456789abcdef';

let server: TinyServer;
beforeAll(async () => {
  server = await tinyServer();
});
afterAll(() => server.close());

/** The error that the official client makes of an answer. */
async function classified(answer: Answer): Promise<ProviderError> {
  server.answer = () => answer;
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: KEY, maxRetries: 0, logLevel: 'off' });
  return classifyError(await rejection(client.models.retrieve('some-model')), server.baseURL, KEY);
}

const refusal = (
  status: number,
  code: string | null,
  message = 'the reason',
  headers: Record<string, string> = {},
) => ({
  status,
  headers,
  body: { error: { message, type: 'some_error', param: null, code } },
});

const RETRIED = { code: 'PROVIDER_UNAVAILABLE', retryable: true };
const REFUSED = { code: 'PROVIDER_REFUSED', retryable: false };

describe('statuses', () => {
  test.each([408, 409, 500, 502, 503, 504, 529])('%i -> unavailable, retried', async (status) => {
    expect(await classified(refusal(status, null))).toMatchObject(RETRIED);
  });

  test.each([400, 401, 402, 403, 404, 405, 413, 422])('%i -> refused, not retried', async (status) => {
    expect(await classified(refusal(status, null))).toMatchObject(REFUSED);
  });

  test.each([
    [400, 'invalid_n_examples'],
    [400, 'unsafe_file'],
    [404, 'model_not_found'],
    [401, 'invalid_api_key'],
  ])('%i %s -> refused, not retried', async (status, code) => {
    expect(await classified(refusal(status, code))).toMatchObject(REFUSED);
  });

  test('403 training_not_available -> PROVIDER_CLOSED, not retried: a person is needed', async () => {
    expect(await classified(refusal(403, 'training_not_available'))).toMatchObject({
      code: 'PROVIDER_CLOSED',
      retryable: false,
    });
    expect(await classified(refusal(403, 'training_not_available_here'))).toMatchObject(REFUSED);
  });

  test.each([
    [500, true],
    [503, true],
    [408, true],
    [409, false],
    [429, false],
    [400, false],
  ])('%i: whether it may have been executed is %s', async (status, mayHaveExecuted) => {
    expect(await classified(refusal(status, 'any'))).toMatchObject({ status, mayHaveExecuted });
  });

  test.each(['The model is still being loaded. Please try again later.', 'ft:a is still loading'])(
    '404 "%s" -> unavailable, retried: a tuned model takes minutes to load',
    async (message) => {
      expect(await classified(refusal(404, 'model_not_found', message))).toMatchObject(RETRIED);
    },
  );

  test('429 "still being loaded" -> unavailable, retried', async () => {
    expect(await classified(refusal(429, null, 'the model is still being loaded'))).toMatchObject(RETRIED);
  });
});

describe('codes of 429', () => {
  test.each(['rate_limit_exceeded', 'slow_down', 'daily_rate_limit_exceeded', 'tokens', null])(
    '429 %s -> unavailable, retried',
    async (code) => {
      expect(await classified(refusal(429, code))).toMatchObject(RETRIED);
    },
  );

  test.each([
    'insufficient_quota',
    'credit_balance_exhausted',
    'project_spend_limit_exceeded',
    'organization_spend_limit_exceeded',
    'monthly_usage_limit_exceeded',
  ])('429 %s -> PROVIDER_QUOTA, not retried: a person is needed', async (code) => {
    expect(await classified(refusal(429, code, 'pay first', { 'retry-after': '1' }))).toMatchObject({
      code: 'PROVIDER_QUOTA',
      retryable: false,
      retryAfterMs: undefined,
    });
  });

  test('a code that only contains the name of one that needs a person is retried', async () => {
    expect(await classified(refusal(429, 'insufficient_quota_soon'))).toMatchObject(RETRIED);
    expect(await classified(refusal(429, 'almost_insufficient_quota'))).toMatchObject(RETRIED);
  });
});

describe('the time that the provider asks to wait', () => {
  const waitOf = async (headers: Record<string, string>, status = 429) =>
    (await classified(refusal(status, 'rate_limit_exceeded', 'slow', headers))).retryAfterMs;

  test('retry-after-ms is in milliseconds', async () => {
    expect(await waitOf({ 'retry-after-ms': '1500' })).toBe(1500);
  });

  test('retry-after is in seconds', async () => {
    expect(await waitOf({ 'retry-after': '7' })).toBe(7000);
    expect(await waitOf({ 'retry-after': '0.5' })).toBe(500);
    expect(await waitOf({ 'retry-after': '0' })).toBe(0);
  });

  test('retry-after-ms is the more exact one and comes first', async () => {
    expect(await waitOf({ 'retry-after-ms': '1500', 'retry-after': '2' })).toBe(1500);
  });

  test('retry-after may be a date', async () => {
    const wait = await waitOf({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    // The date has whole seconds.
    expect(wait).toBeGreaterThan(50_000);
    expect(wait).toBeLessThanOrEqual(60_000);
  });

  test('a 503 may ask to wait too', async () => {
    expect(await waitOf({ 'retry-after': '3' }, 503)).toBe(3000);
  });

  test.each([
    ['nothing', {}],
    ['a date that has passed', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }],
    ['seconds below 0', { 'retry-after': '-3' }],
    ['milliseconds below 0', { 'retry-after-ms': '-3' }],
    ['a word', { 'retry-after': 'soon' }],
    ['words', { 'retry-after-ms': 'soon', 'retry-after': 'later' }],
  ])('%s is no time to wait', async (_, headers) => {
    expect(await waitOf(headers as Record<string, string>)).toBeUndefined();
  });

  test('a daily limit without a time is asked again after an hour', async () => {
    const error = await classified(refusal(429, 'daily_rate_limit_exceeded', 'slow', {}));
    expect(error).toMatchObject({ retryable: true, retryAfterMs: 3_600_000 });
  });

  test('an unreadable retry-after-ms does not hide retry-after', async () => {
    expect(await waitOf({ 'retry-after-ms': 'soon', 'retry-after': '2' })).toBe(2000);
  });
});

/**
 * One request in a process of its own: inside Jest's sandbox, errors of Node's fetch are no instances of its `Error`, so
 * that neither the client nor we could read them.
 */
async function unanswered(baseURL: string, timeout = 10_000): Promise<Partial<ProviderError>> {
  const script = `
    import OpenAI from 'openai';
    import { classifyError } from './src/providers/provider-error.ts';
    const client = new OpenAI({ baseURL: ${JSON.stringify(baseURL)}, apiKey: 'k', maxRetries: 0, timeout: ${timeout}, logLevel: 'off' });
    try {
      await client.models.retrieve('some-model');
    } catch (error) {
      const { code, message, retryable } = classifyError(error, ${JSON.stringify(baseURL)});
      console.log(JSON.stringify({ code, message, retryable }));
    }`;
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: path.join(__dirname, '../..') });
  return JSON.parse(stdout) as Partial<ProviderError>;
}

describe('no answer at all', () => {
  test('connection refused -> unreachable, retried, with address and reason', async () => {
    const gone = await tinyServer();
    await gone.close();
    expect(await unanswered(gone.baseURL)).toEqual({
      code: 'PROVIDER_UNREACHABLE',
      retryable: true,
      message: `${gone.baseURL} cannot be reached (ECONNREFUSED)`,
    });
  });

  test('a timeout -> unreachable, retried', async () => {
    server.answer = () => () => {};
    expect(await unanswered(server.baseURL, 50)).toEqual({
      code: 'PROVIDER_UNREACHABLE',
      retryable: true,
      message: `${server.baseURL} did not answer in time`,
    });
  });

  test('a reset before the answer -> unreachable, retried', async () => {
    server.answer = () => (response) => response.socket?.resetAndDestroy();
    expect(await unanswered(server.baseURL)).toEqual({
      code: 'PROVIDER_UNREACHABLE',
      retryable: true,
      message: `${server.baseURL} cannot be reached (ECONNRESET)`,
    });
  });

  test('a connection that breaks in the middle of the answer -> retried', async () => {
    const error = await classified((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"id":', () => response.socket?.destroy());
    });
    expect(error).toBeInstanceOf(ProviderError);
    expect(error.retryable).toBe(true);
  });

  test('a request that was cancelled here -> retryable, and not the fault of the provider', async () => {
    server.answer = () => () => {};
    const client = new OpenAI({ baseURL: server.baseURL, apiKey: KEY, maxRetries: 0, logLevel: 'off' });
    const error = await rejection(client.models.retrieve('some-model', { signal: AbortSignal.abort() }));
    expect(classifyError(error, server.baseURL)).toMatchObject({
      message: 'the request was cancelled',
      retryable: true,
    });
  });
});

describe('the message', () => {
  test('the message has address, status, code and the words of the provider, once', async () => {
    const { message } = await classified(refusal(400, 'invalid_file_format', 'line 3 is no JSON'));
    expect(message).toBe(`${server.baseURL} answered 400 invalid_file_format: line 3 is no JSON`);
  });

  test.each([
    ['a body of text', { status: 502, body: '<html>Bad gateway</html>' }],
    ['an empty body', { status: 500, body: '' }],
    ['a body without message', { status: 500, body: { error: { code: 17 } } }],
    ['a body with a message that is no text', { status: 500, body: { error: { message: { a: 1 } } } }],
    ['a body that is a list', { status: 500, body: [] }],
  ])('the message is made of %s too', async (_, answer) => {
    const error = await classified(answer);
    expect(error).toMatchObject(RETRIED);
    expect(error.message).toContain(`${server.baseURL} answered ${answer.status}`);
    // The client puts the status in front as well.
    expect(error.message).not.toContain(`${answer.status}: ${answer.status}`);
  });

  test.each([
    ['message', refusal(400, 'bad', 'x'.repeat(10_000))],
    ['code', refusal(400, 'c'.repeat(10_000), 'short')],
    ['page', { status: 502, body: 'y'.repeat(10_000) }],
    ['message of a retried error', refusal(500, null, 'x'.repeat(10_000))],
  ])('the message is bounded to 500 characters, however long the %s is', async (_, answer) => {
    expect((await classified(answer)).message).toHaveLength(500);
  });

  test('the message of an unknown error is bounded too', () => {
    expect(classifyError(new Error('z'.repeat(10_000)), server.baseURL).message).toHaveLength(500);
  });

  test('the message carries neither key nor headers nor the request, anywhere in the error', async () => {
    const headers = { 'x-request-id': 'header-canary', 'set-cookie': 'session=cookie-canary' };
    for (const answer of [
      refusal(401, 'invalid_api_key', 'wrong key', headers),
      refusal(429, 'slow_down', 'slow', headers),
      refusal(500, null, 'broken', headers),
      { status: 502, headers, body: 'no JSON' },
    ]) {
      const error = await classified(answer);
      expect(error.cause).toBeUndefined();
      const everything = inspect(error, { depth: null, showHidden: true });
      expect(everything).not.toMatch(/canary/i);
      expect(everything).not.toMatch(/authorization|bearer/i);
    }
  });

  test('a key that the provider repeats is removed before the message is cut, so that no part of it stays', async () => {
    for (const length of [0, 420, 430, 440]) {
      const { message } = await classified(refusal(401, 'invalid_api_key', `${'x'.repeat(length)} wrong key: ${KEY}`));
      expect(message).not.toContain('canary');
    }
    expect((await classified({ status: 500, body: `Authorization: Bearer ${KEY}` })).message).not.toContain(KEY);
  });
});

test('an error that was classified before stays unchanged', () => {
  const error = new ProviderError('PROVIDER_REFUSED', 'no', { retryable: false });
  expect(classifyError(error, server.baseURL)).toBe(error);
});

test('a foreign error is retried and named', () => {
  expect(classifyError(new TypeError('no such field'), server.baseURL)).toMatchObject({
    ...RETRIED,
    message: 'TypeError: no such field',
  });
  expect(classifyError('a string', server.baseURL)).toMatchObject({ ...RETRIED, message: 'a string' });
});
