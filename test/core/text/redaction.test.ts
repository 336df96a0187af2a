import fc from 'fast-check';
import { LONGEST_MESSAGE, redact, redactMessage } from '../../../src/core/text/redaction.ts';

test.each([
  ['a header', 'Authorization: Bearer canary-7f3a9c', 'Authorization: ***'],
  ['a header without a scheme', 'authorization=canary-7f3a9c rest', 'authorization=*** rest'],
  ['a header in JSON', '{"authorization":"Bearer canary-7f3a9c","a":1}', '{"authorization":"***","a":1}'],
  [
    'a header in JSON inside JSON',
    '{\\"Authorization\\":\\"Bearer canary-7f3a9c\\"}',
    '{\\"Authorization\\":\\"***\\"}',
  ],
  ['a list of headers', "['Authorization', 'Bearer canary-7f3a9c']", "['Authorization', 'Bearer ***']"],
  ['HTML', '<b>Authorization</b>: Bearer canary-7f3a9c</p>', '<b>Authorization</b>: Bearer ***</p>'],
  ['basic credentials', 'Proxy-Authorization: Basic dXNlcjpjYW5hcnk=', 'Proxy-Authorization: ***'],
  ['a key header', 'x-api-key: canary-7f3a9c', 'x-api-key: ***'],
  ['a key header of a cloud', "'api-key': 'canary-7f3a9c'", "'api-key': '***'"],
  ['a key that a sentence quotes', 'Incorrect API key provided: canary-7f3a9c', 'Incorrect API key provided: ***'],
  ['a key in an address', 'GET /v1/models?api_key=canary7f3a9c&limit=1', 'GET /v1/models?api_key=***&limit=1'],
  ['a password in an address', 'https://me:canary@example.com/v1', 'https://***@example.com/v1'],
  ['a token', '{"access_token": "canary7f3a9c"}', '{"access_token": "***"}'],
  ['cookies', 'Set-Cookie: session=canary; id=canary', 'Set-Cookie: ***'],
  ['a key of OpenAI', 'key sk-proj-canary_7f3a9c-0123 is old', 'key *** is old'],
  ['a shortened key', 'provided: sk-test****************9c0d.', 'provided: ***.'],
  ['a key of another provider', 'gsk_canary7f3a9c0123 and hf_canary7f3a9c0123', '*** and ***'],
  ['a cloud key', 'AKIACANARY7F3A9C0123', '***'],
  ['a web token', 'eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.c2lnbmF0dXJl', '***'],
])('%s is removed', (_what, text, expected) => {
  expect(redact(text)).toBe(expected);
});

test.each([
  'http://127.0.0.1:8484/v1 answered 429 rate_limit_exceeded: slow down',
  'https://api.openai.com/v1 answered 401 invalid_api_key: Incorrect key',
  "You didn't provide an API key: use the Authorization header with Bearer auth",
  'ftjob-abcDEF123456789 is running, its model is ft:gpt-4.1-mini-2025-04-14:acme:routing:Abc123',
  'artifact sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 cannot be read',
  'OPENAI_API_KEY is not set: put the provider key in this environment variable of the worker',
  'max_tokens: 4096 is above the basic requirements of task-12345678 on disk-0123456789',
  'log.jsonl:2: is not a JSON object, unexpected token: }',
])('%j stays unchanged', (text) => {
  expect(redact(text)).toBe(text);
});

test('a known secret is removed wherever it stands and however it is written', () => {
  const secret = 'canary "7f3a"/+9c';
  const text = `a${secret}b ${JSON.stringify({ key: secret })} ?k=${encodeURIComponent(secret)}`;
  expect(redact(text, [secret])).toBe('a***b {"key":"***"} ?k=***');
  expect(redact('nothing', [''])).toBe('nothing');
});

const TEXT = fc.array(
  fc.oneof(
    fc.constantFrom(
      'Authorization',
      ':',
      '=',
      ' ',
      'Bearer ',
      'Basic ',
      '"',
      "'",
      '\\',
      'sk-',
      'api_key',
      'cookie',
      'secret',
      'https://',
      '@',
      '***',
      'eyJ',
      '.',
      ',',
      'hf_',
      '\n',
    ),
    fc.string({ unit: fc.constantFrom('a', 'B', '7', '_', '-'), maxLength: 12 }),
  ),
  { maxLength: 20 },
);

test('a second redaction changes nothing', () => {
  fc.assert(
    fc.property(TEXT, (parts) => {
      const once = redact(parts.join(''));
      expect(redact(once)).toBe(once);
    }),
    { numRuns: 5000 },
  );
});

test('a known secret is never in the result, wherever a message is cut', () => {
  const secret = 'canary-7f3a9c';
  fc.assert(
    fc.property(TEXT, TEXT, fc.integer({ min: 0, max: 60 }), (before, after, limit) => {
      const message = redactMessage([...before, secret, ...after].join(''), [secret], limit);
      expect(message).not.toContain('canary');
      expect(message.length).toBeLessThanOrEqual(limit);
    }),
    { numRuns: 2000 },
  );
});

test('a long message is cut after its credentials were removed', () => {
  const text = `${'x'.repeat(LONGEST_MESSAGE - 10)} sk-canary7f3a9c0123456789 and more`;
  expect(redactMessage(text)).toBe(`${'x'.repeat(LONGEST_MESSAGE - 10)} *** and m`);
});

test.each(['Bearer ', 'authorization: ', 'a@', 'https://', 'sk-', 'eyJ', '"', 'api key ', 'basic a'])(
  'a megabyte of %j is read within a second',
  (part) => {
    const text = part.repeat(1_000_000 / part.length);
    const start = performance.now();
    redact(text);
    expect(performance.now() - start).toBeLessThan(1000);
  },
);
