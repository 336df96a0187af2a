import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Call, call, conformsToSource, readAll } from '../conformance/sources.ts';

const KEYS = { LANGFUSE_PUBLIC_KEY: 'pk-lf-played', LANGFUSE_SECRET_KEY: 'sk-lf-hidden-123' };
const dependencies = {
  provider: () => {
    throw new Error('Langfuse needs no provider');
  },
  env: KEYS,
};

type Stored = { id: string; [key: string]: unknown };

/** Plays the lists of the public API (https://api.reference.langfuse.com): pages from 1, newest first, Basic authorization. */
class PlayedLangfuse {
  readonly observations: Stored[] = [];
  readonly scores: Stored[] = [];
  readonly asked: URL[] = [];
  /** Answers in place of pages, the next one first. */
  readonly failures: { status: number; retryAfter?: string }[] = [];
  /** Is called before a page is answered. */
  beforePage: (page: number) => void = () => {};
  connections = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://played');
      this.asked.push(url);
      const key = Buffer.from(`${KEYS.LANGFUSE_PUBLIC_KEY}:${KEYS.LANGFUSE_SECRET_KEY}`).toString('base64');
      const failure = request.headers.authorization === `Basic ${key}` ? this.failures.shift() : { status: 401 };
      response.setHeader('content-type', 'application/json');
      if (failure) {
        if ('retryAfter' in failure && failure.retryAfter) response.setHeader('retry-after', failure.retryAfter);
        response.writeHead(failure.status).end('{"message":"Mrs Secret"}');
        return;
      }
      response.end(JSON.stringify(this.#page(url)));
    });
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      socket.on('close', () => {
        this.connections -= 1;
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get baseURL(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  idle(): void {
    this.#server.closeIdleConnections();
  }

  #page(url: URL): unknown {
    const isScores = url.pathname === '/api/public/v2/scores';
    const time = isScores ? 'timestamp' : 'startTime';
    const at = (name: string) => Date.parse(url.searchParams.get(name) ?? '');
    const [from, to] = isScores ? [at('fromTimestamp'), at('toTimestamp')] : [at('fromStartTime'), at('toStartTime')];
    const page = Number(url.searchParams.get('page'));
    this.beforePage(page);
    const limit = Number(url.searchParams.get('limit'));
    const found = (isScores ? this.scores : this.observations)
      .filter((each) => !(Date.parse(String(each[time])) < from) && !(Date.parse(String(each[time])) >= to))
      .toSorted((a, b) => Date.parse(String(b[time])) - Date.parse(String(a[time])));
    return {
      data: found.slice((page - 1) * limit, page * limit),
      meta: { page, limit, totalItems: found.length, totalPages: Math.ceil(found.length / limit) },
    };
  }
}

/** As the API returns an observation. */
const observation = ({ id, timestamp, prompt, completion, model, metadata }: Call) => ({
  id,
  traceId: `trace-of-${id}`,
  type: 'GENERATION',
  startTime: timestamp,
  endTime: new Date(Date.parse(timestamp) + 250).toISOString(),
  level: 'DEFAULT',
  metadata,
  input: [{ role: 'user', content: prompt }],
  output: { role: 'assistant', content: completion },
  model,
  usageDetails: { input: 12, output: 3, total: 15 },
});

conformsToSource({ bad: 'lone-surrogate', incremental: true }, async () => {
  const played = await new PlayedLangfuse().start();
  const { baseURL } = played;
  return {
    choice: (common) => ({ type: 'langfuse-api', baseURL, ...common }),
    dependencies,
    secrets: [KEYS.LANGFUSE_SECRET_KEY],
    add: async (calls) => {
      played.observations.push(...calls.map(observation));
    },
    addBad: async () => {
      const timestamp = String(played.observations.at(-1)?.startTime);
      played.observations.unshift(
        observation(call(0, { id: `half-${Math.random()}`, prompt: 'half \ud83d', timestamp })),
      );
    },
    spoil: () => played.stop(),
    handles: async () => {
      // Connections that wait for the next request are no handles of a reading.
      played.idle();
      return played.connections;
    },
    remove: () => played.stop().catch(() => {}),
  };
});

describe('the API of Langfuse', () => {
  let played: PlayedLangfuse;
  const choice = () => ({ type: 'langfuse-api', baseURL: played.baseURL });
  beforeEach(async () => {
    played = await new PlayedLangfuse().start();
  });
  afterEach(() => played.stop().catch(() => {}));

  test('the API is read page by page, calls of models only, and later from shortly before the newest call on', async () => {
    played.observations.push(...Array.from({ length: 250 }, (_, n) => observation(call(n * 60))));
    const first = await readAll(choice(), dependencies);
    expect(first.rows.map(({ id }) => id)).toEqual(Array.from({ length: 250 }, (_, n) => `call-${n * 60}`));
    expect(played.asked[0]?.searchParams.get('type')).toBe('GENERATION');
    played.observations.push(observation(call(15_000)));
    // It began before the newest one, and was sent later.
    played.observations.push(observation(call(14_930, { id: 'late' })));
    const before = played.asked.length;
    const later = await readAll(choice(), dependencies, first.cursor);
    expect(later.anew).toBe(false);
    expect(later.rows.map(({ id }) => id)).toEqual(['late', 'call-15000']);
    expect(played.asked.slice(before).every((url) => url.searchParams.get('page') === '1')).toBe(true);
  });

  test('calls that come in while the pages are read cost none of the others', async () => {
    played.observations.push(...Array.from({ length: 250 }, (_, n) => observation(call(n))));
    let added = 0;
    played.beforePage = (page) => {
      if (page !== 2 || added === 5) return;
      added += 1;
      played.observations.push(observation(call(300 + added)));
    };
    const { rows } = await readAll(choice(), dependencies);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(250 + added);
    expect(rows).toHaveLength(250 + added);
  });

  test('ratings and corrections are read after the calls', async () => {
    played.observations.push(observation(call(1)), observation(call(2)));
    const timestamp = '2026-08-02T00:00:00.000Z';
    played.scores.push(
      { id: 's1', observationId: 'call-1', name: 'helpful', value: 0, dataType: 'BOOLEAN', timestamp },
      {
        id: 's2',
        observationId: 'call-2',
        name: 'output',
        value: 0,
        stringValue: 'right',
        dataType: 'CORRECTION',
        timestamp,
      },
    );
    const { items } = await readAll(choice(), dependencies);
    expect(items.filter(({ kind }) => kind === 'actual')).toMatchObject([
      { actual: { id: 'call-2', actual: 'right' } },
      { actual: { id: 'call-1', quality: 0 } },
    ]);
  });

  test('a busy API is asked again, after the time that it names', async () => {
    played.observations.push(observation(call(1)));
    played.failures.push({ status: 429, retryAfter: '0' }, { status: 503, retryAfter: '0' });
    expect((await readAll(choice(), dependencies)).rows).toHaveLength(1);
  });

  test('refused keys are named by their variables, without the answer', async () => {
    const wrong = { ...dependencies, env: { ...KEYS, LANGFUSE_SECRET_KEY: 'sk-lf-wrong' } };
    const reading = readAll(choice(), wrong);
    await expect(reading).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('source.secretKeyEnv'),
    });
    await expect(reading).rejects.not.toThrow(/Secret|wrong/);
  });
});
