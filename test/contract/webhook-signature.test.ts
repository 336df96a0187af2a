import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import OpenAI from 'openai';
import { checkSecret, sign, verify } from '../../src/contract/webhook-signature.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const NOW = new Date(Date.UTC(2026, 10, 23, 8));
const BODY = '{"type":"fine_tuning.job.succeeded","data":{"id":"ftjob-1"}}';
const REFUSED = { refused: expect.any(String) };

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(NOW.getTime());
});
afterEach(() => jest.restoreAllMocks());

const signed = (changes: Partial<Parameters<typeof sign>[1]> = {}, body = BODY) =>
  sign(body, { id: 'wh_1', at: NOW, secret: SECRET, ...changes });

test('the example of the specification is signed as the specification says', () => {
  // https://github.com/standard-webhooks/standard-webhooks, the test vector of its libraries.
  const headers = sign('{"test": 2432232314}', {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    at: new Date(1_614_265_330_000),
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  });
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  expect(headers['webhook-timestamp']).toBe('1614265330');
});

test('our signature is verified here, and by the client of OpenAI, for any body', async () => {
  const { webhooks } = new OpenAI({ apiKey: 'any' });
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.stringMatching(/^[\w-]{1,40}$/), async (body, id) => {
      const headers = signed({ id }, body);
      expect(verify(Buffer.from(body), { ...headers }, SECRET)).toEqual({ id, body });
      await webhooks.verifySignature(body, { ...headers }, SECRET);
    }),
    { numRuns: 50 },
  );
});

test('a body that differs in one byte is refused', async () => {
  const headers = signed();
  await fc.assert(
    fc.asyncProperty(fc.nat(BODY.length - 1), fc.integer({ min: 1, max: 255 }), async (place, difference) => {
      const bytes = Buffer.from(BODY);
      bytes[place] = (bytes[place] ?? 0) ^ difference;
      expect(verify(bytes, { ...headers }, SECRET)).toEqual(REFUSED);
    }),
    { numRuns: 100 },
  );
});

test('bytes that are no UTF-8 do not count as another signed text', async () => {
  const headers = signed({}, '"\ufffd"');
  expect(verify(Buffer.from('"\ufffd"'), { ...headers }, SECRET)).toMatchObject({ id: 'wh_1' });
  expect(verify(Buffer.from([0x22, 0xff, 0x22]), { ...headers }, SECRET)).toEqual(REFUSED);
  expect(verify(Buffer.from('\ufeff"\ufffd"'), { ...headers }, SECRET)).toEqual(REFUSED);
});

test.each<[string, Record<string, string | string[] | undefined>]>([
  ['of another secret', { ...signed({ secret: OTHER }) }],
  ['of another id', { ...signed(), 'webhook-id': 'wh_2' }],
  ['of another time', { ...signed(), 'webhook-timestamp': `${NOW.getTime() / 1000 + 1}` }],
  ['without an id', { ...signed(), 'webhook-id': undefined }],
  ['without a time', { ...signed(), 'webhook-timestamp': undefined }],
  ['without a signature', { ...signed(), 'webhook-signature': undefined }],
  ['of two ids', { ...signed(), 'webhook-id': ['wh_1', 'wh_2'] }],
  ['that is empty', { ...signed(), 'webhook-signature': '' }],
  ['without an end', { ...signed(), 'webhook-signature': 'v1,AAAA '.repeat(10_000) }],
])('a signature %s is refused', async (_, headers) => {
  expect(verify(Buffer.from(BODY), headers, SECRET)).toEqual(REFUSED);
});

test('parts of a delivery cannot be cut elsewhere: id and time hold no full stop', async () => {
  const at = NOW.getTime() / 1000;
  const mac = (text: string) => `v1,${createHmac('sha256', Buffer.alloc(32, 7)).update(text).digest('base64')}`;
  const deliver = (id: string, time: string, body: string) =>
    verify(
      Buffer.from(body),
      { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': mac(`${id}.${time}.${body}`) },
      SECRET,
    );
  expect(await deliver('wh_1', `${at}`, '{}')).toMatchObject({ id: 'wh_1' });
  expect(await deliver(`wh_1.${at}`, `${at}`, '{}')).toEqual(REFUSED);
  expect(await deliver('wh_1', `${at}.{"a":1`, '{}')).toEqual(REFUSED);
});

test.each([
  [-301, false],
  [-300, true],
  [300, true],
  [301, false],
])('a delivery whose clock is %d s from ours: accepted is %s', async (seconds, taken) => {
  const headers = signed({ at: new Date(NOW.getTime() + seconds * 1000) });
  expect('id' in verify(Buffer.from(BODY), { ...headers }, SECRET)).toBe(taken);
});

test('one right signature among several is enough, as when a secret is replaced', async () => {
  const [old, current] = [signed({ secret: OTHER }), signed()].map((headers) => headers['webhook-signature']);
  const both = { ...signed(), 'webhook-signature': `${old} v2,AAAA ${current}` };
  expect(verify(Buffer.from(BODY), both, SECRET)).toMatchObject({ id: 'wh_1' });
  const wrong = { ...signed(), 'webhook-signature': `${old} v2,AAAA` };
  expect(verify(Buffer.from(BODY), wrong, SECRET)).toEqual(REFUSED);
});

test('an id that a receiver could not take apart is not signed', () => {
  expect(() => signed({ id: 'a.b' })).toThrow(/letters, digits/);
});

test.each([
  '',
  'whsec_',
  'whsec_AAAA',
  `whsec_${Buffer.alloc(23).toString('base64')}`,
  'plumtree'.repeat(10),
  'whsec_!!!',
])('%p is no secret, and the error does not show it', (secret) => {
  const error = (() => {
    try {
      return checkSecret(secret, 'SHOP_SECRET');
    } catch (thrown) {
      return String(thrown);
    }
  })();
  expect(error).toMatch(/SHOP_SECRET is no secret/);
  expect(error).not.toContain('plumtree');
});

test('a secret of 24 bytes is one', () => {
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
  expect(checkSecret(secret, 'SHOP_SECRET')).toBe(secret);
});
