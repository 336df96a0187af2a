import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { RunJson } from '../../src/client/runs.ts';
import { cli, lastJson, temporaryHome, until } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

interface Row {
  pipeline: string;
  paused: boolean;
  note: string | null;
  looks: number;
  lastLook: { outcome: string; reason: string | null } | null;
  next: string | null;
  timezone: string;
}

// Monday; 30 new rows are a reason to train.
const RETRAINING = { cron: '0 3 * * 1', timezone: 'Europe/Berlin', min_new_examples: 20 };

describe('schedule', () => {
  const { home, remove } = temporaryHome();
  const json = async <T>(...args: string[]) => lastJson<T>(await cli(home, [...args, '--json']));
  const runs = async () => (await json<{ runId: string }[]>('list')).map(({ runId }) => runId);
  const schedules = () => json<Row[]>('schedule', 'list');
  const messages = path.join(home, 'messages.jsonl');
  const settings = { retraining: RETRAINING, notify: { command: ['tee', '-a', messages] } };
  let file = '';

  beforeAll(async () => {
    file = writePipeline(home, shopRows(60), settings);
    await cli(home, ['demo', '--keep', '--pipeline', file]);
  });

  afterAll(async () => {
    await cli(home, ['stop']);
    remove();
  });

  test('schedule create takes cron and time zone of the pipeline file', async () => {
    const created = await json<{ created: boolean; next: string }>('schedule', 'create', file);
    expect(created.created).toBe(true);
    // Monday, 3 o'clock in Berlin is 1 or 2 o'clock UTC.
    expect(new Date(created.next).getUTCDay()).toBe(1);
    expect(created.next).toMatch(/T0[12]:00:00/);
  });

  test('schedule create on an existing schedule changes it and keeps it paused', async () => {
    expect((await cli(home, ['schedule', 'pause', 'shop'])).code).toBe(0);
    const changed = await json<{ created: boolean; cron: string }>('schedule', 'create', file, '--cron', '30 4 * * *');
    expect(changed).toMatchObject({ created: false, cron: '30 4 * * *' });
    expect(await schedules()).toMatchObject([{ pipeline: 'shop', paused: true, note: 'paused by a person' }]);
    expect((await cli(home, ['schedule', 'resume', 'shop'])).code).toBe(0);
    expect(await schedules()).toMatchObject([{ pipeline: 'shop', paused: false }]);
  });

  test('schedule trigger runs the pipeline on the rows that the log holds then', async () => {
    const before = await runs();
    writePipeline(home, shopRows(90), settings);
    expect((await cli(home, ['schedule', 'trigger', 'shop'])).code).toBe(0);
    const scheduled = async () => (await runs()).find((id) => !before.includes(id));
    await until(async () => (await scheduled()) !== undefined, 'the scheduled run');
    const run = await json<RunJson>('watch', (await scheduled()) ?? '');
    expect(run.status).toBe('completed');
    const { train = 0, validation = 0, test: judged = 0, dropped = 0 } = run.dataset ?? {};
    expect(train + validation + judged + dropped).toBe(90);
    const outcome = async () => (await schedules())[0]?.lastLook?.outcome;
    await until(async () => (await outcome()) === 'trained', 'the end of the look');
    expect(await schedules()).toMatchObject([
      { looks: 1, lastLook: { reason: expect.stringContaining('30 new examples') } },
    ]);
  });

  test('a look without a reason to train is listed with its cause', async () => {
    const { stdout } = await cli(home, ['schedule', 'trigger', 'shop']);
    expect(stdout).toContain('shop: triggered');
    const listed = async () => (await cli(home, ['schedule', 'list'])).stdout;
    await until(async () => (await listed()).includes(' skipped'), 'the end of the look');
    expect(await listed()).toMatch(/shop, last look: 0 new examples/);
    expect(readFileSync(messages, 'utf8')).toMatch(/"type":"retraining\.skipped".*0 new examples/);
  });

  test('a look that fails pauses the schedule, and a notification is sent', async () => {
    rmSync(path.join(home, 'log.jsonl'));
    expect((await cli(home, ['schedule', 'trigger', 'shop'])).code).toBe(0);
    await until(async () => (await schedules())[0]?.paused === true, 'the pause');
    expect(await schedules()).toMatchObject([
      { note: expect.stringContaining('failure'), lastLook: { outcome: 'failed', reason: null } },
    ]);
    expect(readFileSync(messages, 'utf8')).toMatch(/"type":"retraining\.failed".*log\.jsonl/);
  });

  test.each([
    ['cron expression', ['--cron', 'every monday'], '"every monday Europe/Berlin"'],
    ['minute', ['--cron', '61 3 * * *'], '"61 3 * * * Europe/Berlin"'],
    ['time zone', ['--timezone', 'Mars/Base'], '"0 3 * * 1 Mars/Base"'],
  ])('an unknown %s is refused with an example', async (_what, args, named) => {
    const { code, stderr } = await cli(home, ['schedule', 'create', file, ...args]);
    expect(stderr).toContain(`USAGE: the schedule ${named} is refused`);
    expect(stderr).toContain('--cron "0 3 * * 1" --timezone Europe/Berlin');
    expect(code).toBe(2);
  });

  test('schedule delete ends it, and a schedule that does not exist is named', async () => {
    expect((await cli(home, ['schedule', 'delete', 'shop'])).code).toBe(0);
    await until(async () => (await schedules()).length === 0, 'no schedule');
    const { code, stderr } = await cli(home, ['schedule', 'pause', 'shop']);
    expect(stderr).toMatch(/RUN_NOT_FOUND: shop has no schedule/);
    expect(code).toBe(2);
  });
});
