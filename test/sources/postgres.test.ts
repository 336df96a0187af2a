import { createServer, type Socket } from 'node:net';
import type { Cursor } from '../../src/core/run/snapshot.ts';
import type { SourceChoice } from '../../src/core/run/source-choice.ts';
import { openSource } from '../../src/sources/open-source.ts';
import { type Call, conformsToSource, readAll, type TestLog } from '../conformance/sources.ts';
import { hasPostgres, type Postgres, startPostgres } from '../setup/postgres.ts';

const withPostgres = hasPostgres() ? describe : describe.skip;

withPostgres('PostgreSQL', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  const provider = () => {
    throw new Error('a table needs no provider');
  };
  const dependencies = (url = server.url) => ({ provider, env: { LOG_URL: url } });

  /** Connections of ours that the server still has. */
  const connections = async () => {
    const { rows } = await server.query("select 1 from pg_stat_activity where application_name = 'tuneloop'");
    return rows.length;
  };

  const log = (cursor: string | undefined) => async (): Promise<TestLog> => {
    await server.query('drop table if exists "Calls"');
    await server.query(
      'create table "Calls" (number serial, id text, at timestamptz, prompt text, completion text, llm text, metadata jsonb)',
    );
    const columns = 'id, at, prompt, completion, llm, metadata';
    return {
      choice: (common) => ({
        type: 'postgres',
        urlEnv: 'LOG_URL',
        query: 'select * from "Calls" order by number -- all of them',
        columns: { timestamp: 'at', model: 'llm' },
        ...(cursor === undefined ? {} : { cursor }),
        ...common,
      }),
      dependencies: dependencies(),
      secrets: [server.password],
      add: async (calls: readonly Call[]) => {
        await server.query(
          `insert into "Calls" (${columns}) select ${columns.replace(/\b(at)\b/, 'timestamp').replace('llm', 'model')}
           from jsonb_to_recordset($1) as (id text, timestamp timestamptz, prompt text, completion text, model text, metadata jsonb)`,
          [JSON.stringify(calls)],
        );
      },
      addBad: async () => {
        await server.query(`insert into "Calls" (${columns}) values ('bad', now(), null, 'answer', 'model-a', null)`);
      },
      spoil: async () => {
        await server.query('alter table "Calls" rename to hidden');
      },
      handles: connections,
      remove: async () => {
        await server.query('drop table if exists "Calls", hidden');
      },
    };
  };

  describe('with a cursor column that is a number', () => {
    conformsToSource({ bad: 'no-prompt', incremental: true }, log('number'));
  });

  describe('with a cursor column that is a time', () => {
    let makeLog: () => Promise<TestLog>;
    beforeAll(() => {
      makeLog = log('logged');
    });
    const timed = async (): Promise<TestLog> => {
      const subject = await makeLog();
      // Several rows at a time have the same value.
      await server.query(
        'alter table "Calls" add logged timestamptz default date_trunc(\'second\', statement_timestamp())',
      );
      return subject;
    };
    conformsToSource({ bad: 'no-prompt', incremental: true }, timed);
  });

  describe('without a cursor column', () => {
    conformsToSource({ bad: 'no-prompt', incremental: false }, log(undefined));
  });

  const choice = (query: string, changes: object = {}): SourceChoice => ({
    type: 'postgres',
    urlEnv: 'LOG_URL',
    query,
    columns: {},
    ...changes,
  });
  const read = (query: string, changes: object = {}, since: Cursor | null = null) =>
    readAll(choice(query, changes), dependencies(), since);

  describe('columns', () => {
    test('columns of every type become keys of a log row', async () => {
      const { items, rows } = await read(
        `select 9007199254740993 as id, timestamptz '2026-08-01 14:00:00.123456+02' as timestamp,
           '[{"role": "user", "content": "hi"}]'::json as messages, 'yes'::varchar as completion, 0.5::numeric as quality,
           12::bigint as prompt_tokens, 3::smallint as completion_tokens, 99.5::real as latency_ms,
           '{"plan": "pro", "seats": 4}'::jsonb as metadata, 'm'::char(3) as model, null::text as actual, true as other`,
      );
      expect(items[0]).toMatchObject({ issues: [] });
      expect(rows).toStrictEqual([
        {
          line: 1,
          id: '9007199254740993',
          timestamp: '2026-08-01T12:00:00.123456Z',
          messages: [{ role: 'user', content: 'hi' }],
          completion: 'yes',
          quality: 0.5,
          model: 'm  ',
          usage: { promptTokens: 12, completionTokens: 3 },
          latencyMs: 99.5,
          metadata: { plan: 'pro', seats: '4' },
        },
      ]);
    });

    test('columns that hold broken JSON refuse their row, and a text instead of a rating is passed over', async () => {
      const { items } = await read(
        `values ('a', '[oops', '1'), ('b', '[{"role":"user","content":"x","content":"y"}]', '1'),
           ('c', '[{"role":"user","content":"x"}]', 'good')`.replace(/^/, 'select * from (') +
          ') as rows(id, messages, quality)',
      );
      expect(items.map((item) => item.kind === 'refused' && item.issue)).toEqual([
        'broken-json',
        'duplicate-key',
        false,
      ]);
      expect(items[2]).toMatchObject({ kind: 'row', issues: ['ignored-key'] });
    });

    test('missing columns are named, with the existing ones, even where there is no row', async () => {
      const query = "select 'a' as question where false";
      await expect(read(query, { columns: { prompt: 'Question' } })).rejects.toMatchObject({
        code: 'SOURCE_COLUMNS',
        message: 'the query of the source has no column Question: there are "question"',
      });
    });
  });

  test('rows without an id are named by their content, so that ids do not depend on the order', async () => {
    const ids = async (order: string) =>
      (
        await read(`select * from (values ('a', 'x'), ('b', 'y')) as rows(prompt, completion) order by 1 ${order}`)
      ).rows.map(({ id }) => id);
    const [a, b] = await ids('asc');
    expect(await ids('desc')).toEqual([b, a]);
    expect(a).not.toBe(b);
  });

  describe('a cursor column', () => {
    const rows = (values: string) =>
      `select * from (values ${values}) as rows(id, at, prompt, completion)`.replace(' as rows', ' as log');

    test('a cursor column finds rows that came later with the last value, and not those it has read', async () => {
      const first = rows("('a', 1, 'x', 'y'), ('b', 2, 'x', 'y'), ('c', 2, 'x', 'y')");
      await server.query(`create view log as ${first}`);
      const query = 'select * from log';
      const before = await read(query, { cursor: 'at' });
      expect(before.rows.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
      await server.query(
        `create or replace view log as ${first} union all ${rows("('d', 2, 'x', 'y'), ('e', 3, 'x', 'y')")}`,
      );
      const second = await read(query, { cursor: 'at' }, before.cursor);
      expect(second.anew).toBe(false);
      expect(second.rows.map(({ id }) => id)).toEqual(['d', 'e']);
      expect((await read(query, { cursor: 'at' }, second.cursor)).items).toEqual([]);
      await server.query('drop view log');
    });

    test('a cursor column keeps the digits of a time beyond milliseconds', async () => {
      const query = `select * from (values ('a', timestamptz '2026-08-01 12:00:00.123456+00', 'x'),
        ('b', timestamptz '2026-08-01 12:00:00.123457+00', 'x')) as log(id, at, prompt)`;
      const { cursor } = await read(query, { cursor: 'at' });
      expect(cursor).toMatchObject({
        rows: { last: { value: '2026-08-01 12:00:00.123457+00', rows: [expect.any(String)] } },
      });
      expect((await read(query, { cursor: 'at' }, cursor)).items).toEqual([]);
    });

    test('a cursor column with too many rows at its last value makes the next reading be anew', async () => {
      const query = "select n::text as id, 1 as at, 'x' as prompt from generate_series(1, 10001) as n";
      const before = await read(query, { cursor: 'at' });
      expect(before.items).toHaveLength(10_001);
      const after = await read(query, { cursor: 'at' }, before.cursor);
      expect(after.anew).toBe(true);
      expect(after.items).toHaveLength(10_001);
    });

    test('a cursor column that is null somewhere is refused, because those rows would never be found', async () => {
      await expect(read(rows("('a', 1, 'x', 'y'), ('b', null, 'x', 'y')"), { cursor: 'at' })).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringContaining('source.cursor'),
      });
    });
  });

  test('a cursor column reads the rows that existed when it began', async () => {
    await server.query(
      "create table growing as select n::text as id, 'x' as prompt from generate_series(1, 2500) as n",
    );
    const { items } = await openSource(choice('select * from growing'), dependencies()).read(
      null,
      new AbortController().signal,
    );
    let seen = 0;
    for await (const _ of items) {
      seen += 1;
      if (seen === 1) await server.query("insert into growing values ('late', 'x')");
    }
    expect(seen).toBe(2500);
    await server.query('drop table growing');
  });

  describe('a query', () => {
    test.each([
      ['of several statements', "select 'a' as prompt; drop table kept"],
      ['that would end the one around it', "select 'a' as prompt) as x; drop table kept; --"],
      ['that writes', 'delete from kept returning prompt'],
      ['that calls something that writes', "select nextval('counter')::text as prompt"],
    ])('a query %s is refused and changes nothing', async (_name, query) => {
      await server.query("create table if not exists kept as select 'a' as prompt");
      await server.query('create sequence if not exists counter');
      await expect(read(query)).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' });
      expect((await server.query('select * from kept')).rows).toHaveLength(1);
    });

    test.each(['select prompt from given;', 'select prompt from given -- all of them', 'table given order by prompt'])(
      'a query may end as people write it: %s',
      async (query) => {
        await server.query("create table if not exists given as select 'a' as prompt");
        expect((await read(query)).rows).toHaveLength(1);
      },
    );

    test('a query that fails is reported in the words of the database', async () => {
      await expect(read('select prompt from nowhere')).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringMatching(
          /^the database at 127\.0\.0\.1:\d+ refused source\.query: relation "nowhere" does not exist$/,
        ),
      });
    });

    test('a query that fails because of a row does not quote it', async () => {
      const failing = read("select ('Mrs ' || 'Secret')::int as id, 'x' as prompt from generate_series(1, 2)");
      await expect(failing).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringContaining('invalid input syntax for type integer'),
      });
      await expect(failing).rejects.not.toThrow(/Secret/);
    });

    test('a slow query is given up at once by an abort, and soon by the server', async () => {
      const abort = new AbortController();
      const source = openSource(choice('select pg_sleep(1000)::text as prompt'), dependencies());
      const { items } = await source.read(null, abort.signal);
      const reading = Array.fromAsync(items);
      const running = async () => {
        const { rows } = await server.query(
          "select 1 from pg_stat_activity where application_name = 'tuneloop' and query like '%pg_sleep%'",
        );
        return rows.length > 0;
      };
      while (!(await running()));
      const reason = new Error('enough');
      abort.abort(reason);
      await expect(reading).rejects.toBe(reason);
      while (await running());
    });
  });

  describe('a database that does not serve', () => {
    const failure = async (url: string, signal = new AbortController().signal) => {
      const { items } = await openSource(choice("select 'a' as prompt"), dependencies(url)).read(null, signal);
      return Array.fromAsync(items).then(
        () => undefined,
        (error: unknown) => error,
      );
    };
    const listen = async (accept: (socket: Socket) => void) => {
      const sockets = new Set<Socket>();
      const tcp = createServer((socket) => {
        sockets.add(socket.on('error', () => {}));
        accept(socket);
      });
      await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
      const address = tcp.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      const close = () => {
        for (const socket of sockets) socket.destroy();
        tcp.close();
      };
      return { url: `postgres://tester:pw-hidden@127.0.0.1:${port}/log`, port, close };
    };

    test('a database where nothing listens is named by host and port', async () => {
      const { url, port, close } = await listen(() => {});
      close();
      const error = await failure(url);
      expect(error).toMatchObject({
        code: 'SOURCE_UNREACHABLE',
        message: `the database at 127.0.0.1:${port} cannot be reached (ECONNREFUSED)`,
      });
    });

    test('a database whose line breaks is unreachable', async () => {
      const { url, close } = await listen((socket) => socket.destroy());
      expect(await failure(url)).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
      close();
    });

    test('a database that never answers is given up by an abort', async () => {
      const abort = new AbortController();
      const reason = new Error('enough');
      const { url, close } = await listen(() => abort.abort(reason));
      expect(await failure(url, abort.signal)).toBe(reason);
      close();
    });

    test('a database with a wrong password says so, and does not reveal it', async () => {
      const error = await failure(server.url.replace(server.password, 'pw-wrong%21'));
      expect(error).toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringContaining('password authentication failed for user "tester"'),
      });
      expect(String(error)).not.toMatch(/pw-wrong/);
    });

    test('a database that is shut down while rows are read is unreachable', async () => {
      const query = "select repeat('x', 10000) as prompt from generate_series(1, 5000)";
      const { items } = await openSource(choice(query), dependencies()).read(null, new AbortController().signal);
      const reading = (async () => {
        for await (const { kind } of items) {
          if (kind !== 'row') continue;
          await server.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tuneloop'",
          );
        }
      })();
      await expect(reading).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    });

    test('a database whose address is missing or invalid is named by the variable alone', () => {
      const open = (url: string) => () => openSource(choice('select 1'), dependencies(url));
      expect(open('')).toThrow(/^LOG_URL is not set/);
      expect(open('host=db password=hidden')).toThrow(/^LOG_URL is no address of a database: (?!.*hidden)/);
      expect(open('https://user:hidden@host/db')).toThrow(/^LOG_URL is no address of a database: (?!.*hidden)/);
    });
  });
});
