import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { RunJson } from '../../src/client/runs.ts';
import { connectClient, temporalTarget } from '../../src/worker/connection.ts';
import { providerAt } from '../providers/provider-at.ts';
import { Cli, cli, type Ended, lastJson, temporaryHome, until } from '../setup/cli.ts';
import { type HistoryJson, lintHistory } from '../setup/history-lint.ts';
import { countOf, type Passing, type ProviderProxy, type Step, send, startProxy } from '../setup/http-proxy.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

// Waits of real retries between the errors.
jest.setTimeout(180_000);

/** Like no key of any provider, so that no pattern finds it. */
const CANARY = 'magpie~7f3a9c51.plumtree';
/** A key that cannot be put into a header: then it is the client itself that quotes it. */
const BROKEN_CANARY = 'magpie~broken\nplumtree';
const MARKS = [/magpie/, /plumtree/];

/** Everything that a server can put its caller's key into. */
const echoes = ({ headers }: Passing, status: number) => ({
  status,
  headers: {
    'content-type': 'application/json',
    'retry-after-ms': '1',
    'x-request-id': `${headers.authorization}`,
    'www-authenticate': `${headers.authorization}`,
    'set-cookie': `key=${CANARY}`,
  },
  body: JSON.stringify({
    error: {
      message: `the key ${CANARY} is not known: refused with ${JSON.stringify(headers)}`,
      type: CANARY,
      param: CANARY,
      code: `no_${CANARY}`,
    },
  }),
});

type Hostility = (request: Passing) => void;
const answers =
  (status: number): Hostility =>
  (request) =>
    send(request.response, echoes(request, status));
const reset: Hostility = ({ response }) => response.socket?.resetAndDestroy();
const resetInBody: Hostility = (request) => {
  const { headers, body } = echoes(request, 200);
  request.response.writeHead(200, { ...headers, 'content-length': '100000' });
  request.response.write(body, () => request.response.socket?.resetAndDestroy());
};
const page: Hostility = ({ headers, response }) => {
  const body = `<html><body><h1>502</h1><pre>Authorization: ${headers.authorization}\n${CANARY}</pre></body></html>`;
  send(response, { status: 502, headers: { 'content-type': 'text/html', 'retry-after-ms': '1' }, body });
};
/** Each of these is tried again. */
const PASSING = [reset, resetInBody, answers(429), answers(500), page];

test('F47 a printed provider does not show its key', () => {
  const provider = providerAt('http://127.0.0.1:9/v1', { apiKey: CANARY });
  expectClean('what inspect shows', Buffer.from(inspect(provider, { depth: null, showHidden: true })));
  expectClean('its JSON', Buffer.from(JSON.stringify(provider)));
});

/** Written by the test itself. */
const OWN_FOLDER = 'pipelines';

describe('F47 the key of a provider that repeats it', () => {
  const { home, remove } = temporaryHome();
  const env = { SHOP_KEY: CANARY, BROKEN_KEY: BROKEN_CANARY, TUNELOOP_LOG_LEVEL: 'trace' };
  const outputs: string[] = [];
  const driven = new Map<Step, number>();
  let trainer: Cli;
  let proxy: ProviderProxy;
  let client: Client;
  let seed = 0;

  const run = async (...args: string[]): Promise<Ended> => {
    const ended = await cli(home, args, env);
    outputs.push(ended.stdout, ended.stderr);
    return ended;
  };
  /** Every pipeline has a split of its own, and with it files and jobs of its own. */
  const pipelineFile = (changes: Record<string, unknown> = {}) => {
    seed += 1;
    return writePipeline(path.join(home, OWN_FOLDER, `${seed}`), shopRows(60), {
      provider: { profile: 'generic', baseURL: proxy.baseURL, apiKeyEnv: 'SHOP_KEY', settling_seconds: 0 },
      candidates: { models: ['local-nano'], learning_rate_multiplier: 1, epochs: 1 },
      split: { seed },
      ...changes,
    });
  };
  /** Lets some requests of a step pass, answers the next ones with the given answers, one each, and all later ones with the last. */
  const attack = (step: Step, hostilities: Hostility[], options: { after?: number; passInTheEnd?: boolean } = {}) => {
    let count = -(options.after ?? 0);
    proxy.intercept = async (request) => {
      if (request.step !== step) return false;
      count += 1;
      if (count <= 0) return false;
      const hostility = hostilities[count - 1] ?? (options.passInTheEnd ? undefined : hostilities.at(-1));
      if (!hostility) return false;
      expect(request.headers.authorization).toBe(`Bearer ${CANARY}`);
      driven.set(step, (driven.get(step) ?? 0) + 1);
      hostility(request);
      return true;
    };
  };

  beforeAll(async () => {
    trainer = new Cli(home, ['trainer', '--port', '0', '--dir', path.join(home, 'trainer'), '--json']);
    await until(() => trainer.stdout.includes('\n'), 'the trainer');
    const { baseURL } = JSON.parse(trainer.stdout) as { baseURL: string };
    proxy = await startProxy(baseURL);
    const first = await run('demo', '--keep', '--json', '--pipeline', pipelineFile());
    expect(lastJson<RunJson>(first).status).toBe('completed');
    client = await connectClient(temporalTarget(home));
  });

  afterAll(async () => {
    await client?.connection.close();
    await run('stop');
    trainer?.child.kill('SIGTERM');
    await trainer?.ended;
    await proxy?.close();
    remove();
  });

  beforeEach(() => {
    proxy.intercept = async () => false;
  });

  test.each<[Step, Hostility[], { after?: number }]>([
    ['preflight', [...PASSING, answers(401)], {}],
    ['upload', [...PASSING, answers(403)], {}],
    ['create', [...PASSING, answers(401)], {}],
    // A job that the provider no longer knows is lost; after other refusals it is asked again later.
    ['poll', [...PASSING, answers(404)], {}],
    // The first asks whether the model is there.
    ['evaluation', [...PASSING, answers(403)], { after: 1 }],
  ])('F47 %s: reset, 429, 500, a page of HTML, a refusal', async (step, hostilities, options) => {
    attack(step, hostilities, options);
    const ended = await run('run', pipelineFile(), '--wait', '--json');
    const { status, error } = lastJson<RunJson>(ended);
    expect(status).toBe('failed');
    expect(error?.message).toMatch(/answered 40[134]/);
    expect(driven.get(step)).toBeGreaterThanOrEqual(hostilities.length);
  });

  test('F47 cancel: a refusal, reset, 429, 500, a page of HTML', async () => {
    const hostilities = [answers(401), ...PASSING];
    attack('cancel', hostilities, { passInTheEnd: true });
    const attacked = proxy.intercept;
    // Jobs run for as long as they cannot be cancelled.
    proxy.intercept = async (request) => {
      const over = (driven.get('cancel') ?? 0) >= hostilities.length;
      if (over || !/^GET .*\/fine_tuning\/jobs/.test(request.path)) return attacked(request);
      const { body, ...answer } = await request.forward();
      send(request.response, { ...answer, body: body.replaceAll('"status":"succeeded"', '"status":"running"') });
      return true;
    };
    const polls = countOf(proxy, 'poll');
    const { runId } = lastJson<RunJson>(await run('run', pipelineFile(), '--json'));
    await until(() => countOf(proxy, 'poll') > polls, 'a job that is waited for');
    await run('cancel', runId);
    expect(lastJson<RunJson>(await run('watch', runId, '--json')).status).toBe('cancelled');
    expect(driven.get('cancel')).toBe(hostilities.length);
  });

  test('F47 a job that failed and says why with the key', async () => {
    proxy.intercept = async (request) => {
      if (request.step !== 'poll') return false;
      const { body, ...answer } = await request.forward();
      const job = { ...JSON.parse(body), status: 'failed', fine_tuned_model: null };
      job.error = { code: `bad_${CANARY}`, message: `the key ${CANARY} may not do that`, param: CANARY };
      send(request.response, { ...answer, body: JSON.stringify(job) });
      return true;
    };
    const ended = await run('run', pipelineFile(), '--wait', '--json');
    expect(lastJson<RunJson>(ended).error?.message).toMatch(/may not do that/);
  });

  test('F47 a key that is no valid header', async () => {
    const provider = { profile: 'generic', baseURL: proxy.baseURL, apiKeyEnv: 'BROKEN_KEY', settling_seconds: 0 };
    const ended = await run('run', pipelineFile({ provider }), '--wait', '--json');
    expect(lastJson<RunJson>(ended).status).toBe('failed');
  });

  test('F47 predict: a refusal', async () => {
    const [winner] = lastJson<{ runId: string; winner: string | null }[]>(await run('list', '--json')).filter(
      (each) => each.winner,
    );
    attack('evaluation', [answers(401)]);
    const { stderr, code } = await run('predict', winner?.runId ?? '', 'where is my parcel');
    expect(stderr).toMatch(/answered 401/);
    expect(code).not.toBe(0);
  });

  test('F47 the key is in no history, memo or search attribute', async () => {
    let workflows = 0;
    for await (const info of client.workflow.list()) {
      workflows += 1;
      const handle = client.workflow.getHandle(info.workflowId, info.runId);
      const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as HistoryJson;
      expect(lintHistory(history, ['magpie', 'plumtree'])).toEqual([]);
      const { memo, searchAttributes } = await handle.describe();
      expectClean(`memo of ${info.workflowId}`, Buffer.from(JSON.stringify([memo, searchAttributes])));
    }
    // A run each, and a job for those that came so far.
    expect(workflows).toBeGreaterThan(12);
  });

  test('F47 the key is in no output, and in no file of the home folder', async () => {
    expectClean('what was printed', Buffer.from([...outputs, trainer.stdout, trainer.stderr].join('\n')));
    const names = entriesOf(home).flatMap(({ name, isFile }) => (isFile ? name : []));
    expect(names).toEqual(expect.arrayContaining(['temporal.db', 'temporal.db-wal', 'logs/worker.log']));
    expect(names).toContainEqual(expect.stringMatching(/^artifacts\//));
    expect(names).toContainEqual(expect.stringMatching(/^runs\/.*report\.md$/));
    for (const name of names) expectClean(name, readFileSync(path.join(home, name)));
    // The words around the key are there: these are the places where it would be.
    const database = Buffer.concat(
      ['temporal.db', 'temporal.db-wal'].map((name) => readFileSync(path.join(home, name))),
    );
    expect(database.includes('is not known')).toBe(true);
    expect(readFileSync(path.join(home, 'logs', 'worker.log'), 'utf8')).toContain('is not known');
  });

  test('files and folders of the home folder are for its owner only', () => {
    const open = entriesOf(home).filter(
      ({ name, mode, isFile }) => !name.startsWith(OWN_FOLDER) && mode !== (isFile ? 0o600 : 0o700),
    );
    expect(open.map(({ name, mode }) => `${name} ${mode.toString(8)}`)).toEqual([]);
  });
});

/** Everything in a folder, with permissions; names are relative to it. */
function entriesOf(folder: string): { name: string; mode: number; isFile: boolean }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const stats = statSync(path.join(folder, name));
    return { name, mode: stats.mode & 0o777, isFile: stats.isFile() };
  });
}

/** A file may hold text as it is or in base64, at any of three offsets. */
function expectClean(what: string, bytes: Buffer): void {
  const text = bytes.toString('latin1');
  for (const mark of MARKS) if (mark.test(text)) throw new Error(`${what} holds ${mark}`);
  for (const offset of [0, 1, 2]) {
    const encoded = Buffer.from(`${' '.repeat(offset)}${CANARY}`)
      .toString('base64')
      .slice(offset + 1, -4);
    if (text.includes(encoded)) throw new Error(`${what} holds the key in base64`);
  }
}
