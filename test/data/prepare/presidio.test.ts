import { once } from 'node:events';
import { PresidioAnalyzer } from '../../../src/data/prepare/presidio.ts';
import { Redactor } from '../../../src/data/redaction/redactor.ts';
import { type TinyServer, tinyServer } from '../../providers/http-server.ts';

const NEVER = new AbortController().signal;

let server: TinyServer;
let url: string;

beforeEach(async () => {
  server = await tinyServer();
  url = server.baseURL;
});

afterEach(() => server.close());

/** A find in Presidio's form, with the fields that are not needed here. */
function find(entityType: string, start: number, end: number, score = 0.85) {
  return { entity_type: entityType, start, end, score, analysis_explanation: null };
}

/** Answers as Presidio does: with each place of a name, counted in code points. */
function presidioThatKnows(name: string): void {
  server.answer = ({ body }) => {
    const { text } = JSON.parse(body) as { text: string };
    const starts = Array.from(text.matchAll(new RegExp(name, 'g')), ({ index }) => [...text.slice(0, index)].length);
    return { body: starts.map((start) => find('PERSON', start, start + [...name].length)) };
  };
}

test('each text is one request with language, score and entities, and its finds come back in order', async () => {
  presidioThatKnows('Ana');
  const analyzer = new PresidioAnalyzer({ url, language: 'de', entities: ['PERSON'], minScore: 0.6 });
  expect(await analyzer.analyze(['Ana and Ana', 'nobody', 'I am Ana'], NEVER)).toEqual([
    [
      { type: 'PERSON', start: 0, end: 3 },
      { type: 'PERSON', start: 8, end: 11 },
    ],
    [],
    [{ type: 'PERSON', start: 5, end: 8 }],
  ]);
  expect(server.received.map(({ method, url: path }) => [method, path])).toEqual(
    Array(3).fill(['POST', '/v1/analyze']),
  );
  expect(server.received.map(({ body }): unknown => JSON.parse(body))).toContainEqual({
    text: 'nobody',
    language: 'de',
    score_threshold: 0.6,
    entities: ['PERSON'],
  });
});

test('places are code points there and UTF-16 code units here', async () => {
  presidioThatKnows('Ana');
  const text = '😀 Ana 𝒳 Ana 公司 😀Ana';
  const [spans = []] = await new PresidioAnalyzer({ url }).analyze([text], NEVER);
  expect(spans.map(({ start, end }) => text.slice(start, end))).toEqual(['Ana', 'Ana', 'Ana']);
});

test('the finds of the analyzer go into the redactor', async () => {
  presidioThatKnows('Ana Day');
  const texts = ['😀 Ana Day: ana@example.com', 'for Ana Day'];
  const spans = await new PresidioAnalyzer({ url }).analyze(texts, NEVER);
  expect(new Redactor({ types: ['email'], phoneRegion: 'US' }).redact(texts, spans)).toEqual({
    texts: ['😀 [PERSON_1]: [EMAIL_1]', 'for [PERSON_1]'],
    found: { person: 1, email: 1 },
  });
});

test('a type that the redactor finds too has the redactor’s name', async () => {
  server.answer = () => ({ body: [find('EMAIL_ADDRESS', 0, 1), find('IBAN_CODE', 1, 2), find('US_SSN', 2, 3)] });
  const [spans = []] = await new PresidioAnalyzer({ url }).analyze(['abc'], NEVER);
  expect(spans.map(({ type }) => type)).toEqual(['email', 'iban', 'US_SSN']);
});

test('an empty text, which Presidio refuses, is not sent', async () => {
  expect(await new PresidioAnalyzer({ url }).analyze(['', ' \n'], NEVER)).toEqual([[], []]);
  expect(server.received).toEqual([]);
});

test('finds below the score are left out, even if the server ignores it', async () => {
  server.answer = () => ({ body: [find('PERSON', 0, 1, 0.49), find('PERSON', 1, 2, 0.5)] });
  const [spans = []] = await new PresidioAnalyzer({ url }).analyze(['ab'], NEVER);
  expect(spans).toEqual([{ type: 'PERSON', start: 1, end: 2 }]);
});

test('no more requests are open at a time than allowed', async () => {
  const held: (() => void)[] = [];
  const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`);
  const threeAreOpen = new Promise<void>((resolve) => {
    server.answer = () => (response) => {
      held.push(() => response.writeHead(200, { 'content-type': 'application/json' }).end('[]'));
      if (held.length === 3) resolve();
    };
  });
  const analysis = new PresidioAnalyzer({ url, concurrency: 3 }).analyze(texts, NEVER);
  await threeAreOpen;
  server.answer = () => ({ body: [] });
  // A fourth would have come before this one.
  await fetch(`${url}/probe`, { method: 'POST', body: '' });
  expect(server.received).toHaveLength(4);
  for (const release of held) release();
  expect(await analysis).toEqual(texts.map(() => []));
});

test.each([
  [400, 'ANALYZER_REFUSED', 'language "xx"'],
  [500, 'ANALYZER_REFUSED', 'language "xx"'],
  [429, 'ANALYZER_UNREACHABLE', 'busy'],
  [503, 'ANALYZER_UNREACHABLE', 'busy'],
])('an answer with status %d is %s, and quotes nothing', async (status, code, part) => {
  server.answer = ({ body }) => ({ status, body: { error: body } });
  const failure = new PresidioAnalyzer({ url, language: 'xx' }).analyze(['Ana canary'], NEVER);
  await expect(failure).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
  await expect(failure).rejects.toMatchObject({ message: expect.not.stringContaining('canary') });
});

test.each([
  ['no JSON', '<html>canary</html>'],
  ['no list', { found: [] }],
  ['an entry without a type', [{ start: 0, end: 1, score: 1 }]],
  ['a place behind the end', [find('PERSON', 3, 99)]],
  ['a place that ends before it starts', [find('PERSON', 3, 2)]],
  ['half a place', [find('PERSON', 0.5, 2)]],
])('an answer with %s is refused', async (_what, body) => {
  server.answer = () => ({ body });
  const failure = new PresidioAnalyzer({ url }).analyze(['Ana canary'], NEVER);
  await expect(failure).rejects.toMatchObject({
    code: 'ANALYZER_REFUSED',
    message: expect.not.stringContaining('canary'),
  });
});

test('a missing server is unreachable', async () => {
  await server.close();
  await expect(new PresidioAnalyzer({ url }).analyze(['Ana'], NEVER)).rejects.toMatchObject({
    code: 'ANALYZER_UNREACHABLE',
    message: expect.stringContaining(`${url}/analyze cannot be reached`),
  });
});

test('a server that does not answer in time is unreachable', async () => {
  server.answer = () => () => {};
  await expect(new PresidioAnalyzer({ url, timeoutMs: 50 }).analyze(['Ana'], NEVER)).rejects.toMatchObject({
    code: 'ANALYZER_UNREACHABLE',
    message: expect.stringContaining('within 50 ms'),
  });
});

test('a redirect is not followed, because texts go only to the address of the pipeline', async () => {
  server.answer = () => ({ status: 307, headers: { location: `${url}/elsewhere` } });
  await expect(new PresidioAnalyzer({ url }).analyze(['Ana'], NEVER)).rejects.toMatchObject({
    code: 'ANALYZER_UNREACHABLE',
  });
  expect(server.received.map(({ url: path }) => path)).toEqual(['/v1/analyze']);
});

test('an abort ends the open requests with its reason', async () => {
  const abort = new AbortController();
  const reason = new Error('stopped');
  const closed = new Promise<unknown>((resolve) => {
    server.answer = () => (response) => {
      resolve(once(response, 'close'));
      abort.abort(reason);
    };
  });
  await expect(new PresidioAnalyzer({ url }).analyze(['Ana'], abort.signal)).rejects.toBe(reason);
  await closed;
});
