import { spawn } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CapturedCall, jsonlSink, postgresSink } from '../../../packages/app/src/capture/index.ts';
import { createSink } from '../../../packages/app/src/capture/sink.ts';
import { openSource } from '../../../src/sources/open-source.ts';
import { readAll } from '../../conformance/sources.ts';
import { ROOT, until } from '../../setup/cli.ts';
import { hasPostgres, type Postgres, startPostgres } from '../../setup/postgres.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';

const folder = temporaryFolder();
const call = (id: string, changes: Partial<CapturedCall> = {}): CapturedCall => ({
  id,
  timestamp: '2026-08-10T05:48:42.102Z',
  messages: [{ role: 'user', content: `hello ${id}` }],
  completion: 'greeting',
  model: 'gpt-4.1',
  usage: { prompt_tokens: 5, completion_tokens: 1 },
  latency_ms: 12.5,
  finish_reason: 'stop',
  ...changes,
});
/** The exit code of a program of its own, and its output. */
const run = (program: string) =>
  new Promise<{ code: number | null; stdout: string }>((resolve, reject) => {
    const imports = `import { jsonlSink, postgresSink } from ${JSON.stringify(path.join(ROOT, 'packages/app/src/capture/index.ts'))};`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', `${imports}${program}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.once('error', reject).once('close', (code) => resolve({ code, stdout }));
  });
const linesOf = (pattern: string) =>
  globSync(path.join(folder, pattern)).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  );

describe('a JSONL sink', () => {
  test('a JSONL sink writes its calls, readable by its owner only, and answers that come later', async () => {
    const sink = jsonlSink(path.join(folder, 'new', 'log.jsonl'));
    sink.record(call('a'));
    sink.recordActual('a', 'farewell', 0.5, 'person:ana');
    sink.recordActual('b', null, 1);
    await sink.close();
    expect(linesOf('new/*.jsonl')).toEqual([
      call('a'),
      { actual_for: 'a', actual: 'farewell', quality: 0.5, by: 'person:ana', timestamp: expect.any(String) },
      { actual_for: 'b', quality: 1, timestamp: expect.any(String) },
    ]);
    expect(statSync(path.join(folder, 'new', 'log.jsonl')).mode & 0o777).toBe(0o600);
  });

  test('a JSONL sink that cannot write counts and reports the lost lines, and throws nothing', async () => {
    writeFileSync(path.join(folder, 'file'), '');
    const errors: unknown[] = [];
    const sink = jsonlSink(path.join(folder, 'file', 'log.jsonl'), { onError: (error) => errors.push(error) });
    sink.record(call('a'));
    await sink.flush();
    expect(sink.lost).toBe(1);
    expect(errors).toHaveLength(1);
  });

  test('a JSONL sink that cannot write does not end the process that waits for it to close', async () => {
    writeFileSync(path.join(folder, 'occupied'), '');
    const file = path.join(folder, 'occupied', 'log.jsonl');
    const ended = await run(`
      const sink = jsonlSink(${JSON.stringify(file)});
      sink.record({ id: 'a' });
      await sink.close();
      console.log('closed,', sink.lost, 'lost');
    `);
    expect(ended).toEqual({ code: 0, stdout: 'closed, 1 lost\n' });
  });

  test('a JSONL sink that is never closed is written before the process ends by itself, also when it was closed before', async () => {
    const file = path.join(folder, 'left', 'log.jsonl');
    const ended = await run(`
      const sink = jsonlSink(${JSON.stringify(file)});
      sink.record({ id: 'a' });
      await sink.close();
      sink.record({ id: 'b' });
    `);
    expect(ended.code).toBe(0);
    expect(linesOf('left/*.jsonl')).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  test('a JSONL sink waits for records that are expected, be they made or not', async () => {
    const sink = jsonlSink(path.join(folder, 'expected', 'log.jsonl'));
    sink.expect?.(new Promise((resolve) => setImmediate(resolve)).then(() => sink.record(call('a'))));
    sink.expect?.(Promise.reject(new Error('no record')));
    await sink.flush();
    expect(linesOf('expected/*.jsonl')).toEqual([call('a')]);
  });

  test('a JSONL sink has a bounded queue: lines that do not fit are lost and counted', async () => {
    const sink = jsonlSink(path.join(folder, 'full', 'log.jsonl'), { queue: 10 });
    for (let index = 0; index < 25; index += 1) sink.record(call(`${index}`));
    await sink.close();
    expect(linesOf('full/*.jsonl')).toHaveLength(10);
    expect(sink.lost).toBe(15);
  });

  test('a JSONL file that processes share and set aside repeatedly loses no line and mixes none', async () => {
    const file = path.join(folder, 'shared', 'log.jsonl');
    const program = `
      import { jsonlSink } from ${JSON.stringify(path.join(ROOT, 'packages/app/src/capture/index.ts'))};
      const sink = jsonlSink(${JSON.stringify(file)}, { rotateBytes: 20000, queue: 100000 });
      for (let index = 0; index < 3000; index += 1) {
        sink.record({ id: process.argv[1] + '-' + index, text: 'x'.repeat(index % 300) });
        if (index % 100 === 0) await sink.flush();
      }
      await sink.close();
      if (sink.lost > 0) throw new Error('lost ' + sink.lost);
    `;
    const codes = await Promise.all(
      ['a', 'b', 'c'].map(
        (name) =>
          new Promise((resolve) => {
            spawn(process.execPath, ['--input-type=module', '-e', program, name], { stdio: 'inherit' }).once(
              'exit',
              resolve,
            );
          }),
      ),
    );
    expect(codes).toEqual([0, 0, 0]);
    expect(globSync(path.join(folder, 'shared', '*.jsonl')).length).toBeGreaterThan(5);
    const ids = linesOf('shared/*.jsonl').map(({ id }) => id);
    expect(ids).toHaveLength(9000);
    expect(new Set(ids).size).toBe(9000);
  });

  test('a JSONL file of a process that is killed holds whole lines', async () => {
    mkdirSync(path.join(folder, 'killed'));
    const file = path.join(folder, 'killed', 'log.jsonl');
    const program = `
      import { jsonlSink } from ${JSON.stringify(path.join(ROOT, 'packages/app/src/capture/index.ts'))};
      const sink = jsonlSink(${JSON.stringify(file)});
      for (let index = 0; ; index += 1) {
        sink.record({ id: String(index), text: 'y'.repeat(500) });
        if (index % 200 === 0) await sink.flush();
      }
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' });
    await until(() => globSync(file).length > 0 && statSync(file).size > 1_000_000, 'a megabyte');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(readFileSync(file, 'utf8').endsWith('\n')).toBe(true);
    expect(linesOf('killed/*.jsonl').length).toBeGreaterThan(1000);
  });
});

test('a sink that failed tries once for each further batch, until a write succeeds', async () => {
  const batches: number[] = [];
  const sink = createSink(
    {
      write: async (calls) => {
        batches.push(calls.length);
        if (calls.length > 1) throw new Error('too much');
      },
      close: async () => {},
    },
    {},
  );
  for (let index = 0; index < 1200; index += 1) sink.record(call(`${index}`));
  await sink.flush();
  sink.record(call('taken'));
  await sink.flush();
  for (let index = 0; index < 2; index += 1) sink.record(call(`${index}`));
  await sink.close();
  expect(batches).toEqual([500, 500, 500, 500, 200, 1, 2, 2, 2]);
  expect(sink.lost).toBe(1202);
});

(hasPostgres() ? describe : describe.skip)('a Postgres sink', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('a Postgres sink makes its table, which the source reads with actuals that came before and after their calls', async () => {
    const sink = postgresSink({ url: server.url });
    sink.recordActual('b', 'farewell', 0.75, 'person:ana');
    await sink.flush();
    sink.record(call('a', { metadata: { customer: 'c\u00007' } }));
    sink.record(call('b'));
    sink.record(call('a'));
    await sink.close();
    expect(sink.lost).toBe(0);
    const choice = {
      type: 'postgres',
      urlEnv: 'LOG_URL',
      query: 'select * from tuneloop_log order by id',
      columns: {},
    } as const;
    const dependencies = {
      provider: () => {
        throw new Error('no provider is asked');
      },
      env: { LOG_URL: server.url },
    };
    expect(await openSource(choice, dependencies).describe()).toHaveLength(1);
    const { rows } = await readAll(choice, dependencies, null);
    expect(rows).toMatchObject([
      {
        id: 'a',
        completion: 'greeting',
        usage: { promptTokens: 5, completionTokens: 1 },
        metadata: { customer: 'c7' },
      },
      { id: 'b', completion: 'greeting', actual: 'farewell', quality: 0.75 },
    ]);
  });

  test('a Postgres sink outlives a lost connection', async () => {
    const sink = postgresSink({ url: server.url, table: 'of a "strange" name' });
    sink.record(call('a'));
    await sink.flush();
    await server.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null',
    );
    sink.record(call('b'));
    await sink.close();
    const { rows } = await server.query('select id from "of a ""strange"" name" order by id');
    expect(rows).toEqual([{ id: 'a' }, { id: 'b' }]);
    expect(sink.lost).toBe(0);
  });

  test('a Postgres sink outlives connections that are reset, idle or in the middle of a write, and so does its process', async () => {
    const ended = await run(`
      import net from 'node:net';
      import pg from 'pg';
      const url = new URL(${JSON.stringify(server.url)});
      const port = Number(url.port);
      const other = new pg.Client({ connectionString: url.href });
      await other.connect();
      // Between the sink and the server, to break connections.
      const sockets = new Set();
      const proxy = net.createServer((socket) => {
        const upstream = net.connect(port, url.hostname).on('error', () => {});
        sockets.add(socket.on('error', () => {}).on('close', () => upstream.destroy()));
        socket.pipe(upstream).pipe(socket);
      });
      await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      const reset = () => {
        for (const socket of sockets) socket.resetAndDestroy();
        sockets.clear();
      };
      url.port = String(proxy.address().port);
      const sink = postgresSink({ url: url.href, table: 'locked' });
      sink.record({ id: 'a', messages: [] });
      await sink.flush();
      reset();
      // What came over another connection after it says that the reset has come too.
      await other.query('select');
      sink.record({ id: 'b', messages: [] });
      await sink.flush();
      await other.query('begin');
      await other.query('lock table locked');
      sink.record({ id: 'c', messages: [] });
      const flushed = sink.flush();
      while ((await other.query("select from pg_stat_activity where wait_event_type = 'Lock'")).rowCount !== 1);
      reset();
      await other.query('commit');
      await flushed;
      await sink.close();
      await other.end();
      proxy.close();
      console.log(sink.lost, 'lost');
    `);
    expect(ended).toEqual({ code: 0, stdout: '0 lost\n' });
    const { rows } = await server.query('select id from locked order by id');
    expect(rows).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  });

  test('a Postgres sink keeps the process alive no longer than it writes, and is closed while the process waits for it', async () => {
    const ended = await run(`
      const sink = postgresSink({ url: ${JSON.stringify(server.url)}, table: 'alive' });
      sink.record({ id: 'a', messages: [] });
      await sink.flush();
      console.log(process.getActiveResourcesInfo().includes('TCPSocketWrap'));
      sink.record({ id: 'b', messages: [] });
      await sink.close();
      console.log('closed');
    `);
    expect(ended).toEqual({ code: 0, stdout: 'false\nclosed\n' });
    expect((await server.query('select id from alive order by id')).rows).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  test('a Postgres sink that cannot connect loses its lines, says so without the password, and fails no call', async () => {
    const errors: string[] = [];
    const sink = postgresSink({
      url: 'postgres://tester:pw-secret@127.0.0.1:1/log',
      onError: (error) => errors.push(String(error)),
    });
    sink.record(call('a'));
    await sink.close();
    expect(sink.lost).toBe(1);
    expect(errors.join()).not.toContain('pw-secret');
  });
});
