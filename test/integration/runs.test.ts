import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import OpenAI from 'openai';
import type { RunJson } from '../../src/client/runs.ts';
import { createTuneloop } from '../../src/client/tuneloop.ts';
import type { Manifest } from '../../src/core/dataset/manifest.ts';
import { isAlive, pidsOf, readServices, type Services } from '../../src/stores/services-file.ts';
import { connectClient, temporalTarget } from '../../src/worker/connection.ts';
import { Cli, cli, lastJson, temporaryHome, until } from '../setup/cli.ts';
import { writeHostileLog } from '../setup/hostile-log.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

/** Temporal, trainer and worker as `demo --keep` leaves them; every test starts its own runs there. */
describe('runs on services that were kept', () => {
  const { home, remove } = temporaryHome();
  const folder = (name: string) => path.join(home, name);
  const services = (): Services => readServices(home) ?? { owner: 0, kept: false };
  const openai = () => new OpenAI({ baseURL: services().trainer?.url ?? '', apiKey: 'local', maxRetries: 0 });
  const jobsOf = async (run: string) => {
    const jobs = await Array.fromAsync(openai().fineTuning.jobs.list({ limit: 100 }));
    return jobs.filter(({ metadata }) => metadata?.tuneloop_job?.startsWith(`${run}/`));
  };
  let first: RunJson;

  beforeAll(async () => {
    const file = writePipeline(folder('first'), shopRows(60));
    first = lastJson<RunJson>(await cli(home, ['demo', '--keep', '--json', '--pipeline', file, '--job-seconds', '4']));
  });

  afterAll(async () => {
    const pids = pidsOf(services());
    const { code } = await cli(home, ['stop']);
    expect(code).toBe(0);
    expect(pids.some(isAlive)).toBe(false);
    remove();
  });

  test('--keep leaves Temporal, trainer and worker running', () => {
    expect(first.status).toBe('completed');
    expect(pidsOf(services()).filter(isAlive)).toHaveLength(3);
  });

  test('list, watch, report and predict find the run', async () => {
    const rows = lastJson<{ runId: string; winner: string; stage: string }[]>(await cli(home, ['list', '--json']));
    expect(rows).toContainEqual(expect.objectContaining({ runId: first.runId, winner: first.winner, stage: 'done' }));
    const watched = lastJson<RunJson>(await cli(home, ['watch', first.runId, '--json']));
    expect(watched).toEqual(first);
    const { stdout } = await cli(home, ['report', first.runId]);
    expect(stdout).toContain('## Before and after');
    const [junit, promptfoo] = [folder('junit.xml'), folder('promptfoo')];
    const exported = await cli(home, ['report', first.runId, '--junit', junit, '--promptfoo', promptfoo]);
    expect(exported.code).toBe(0);
    expect(readFileSync(junit, 'utf8')).toMatch(/<testsuite /);
    expect(readdirSync(promptfoo).sort()).toEqual(['promptfooconfig.yaml', 'tests.jsonl']);
    const compared = await cli(home, ['compare', first.runId, first.runId]);
    expect(compared.code).toBe(0);
    expect(compared.stdout).toContain(first.winner);
    const answer = await cli(home, ['predict', first.runId, 'tracking number, order 1']);
    expect(answer.stdout.trim()).toBe('shipping');
  });

  test.each([
    ['an empty log', '', /SOURCE_EMPTY: .*log\.jsonl holds no row/],
    ['fewer than ten examples', shopRows(8), /TOO_FEW_EXAMPLES: \d examples to train on .* at least 10/],
  ])('%s fails the run with its cause', async (name, rows, message) => {
    const file = writePipeline(folder(name), rows);
    const ended = await cli(home, ['run', file, '--wait', '--json']);
    const { status, error } = lastJson<RunJson>(ended);
    expect(`${error?.code}: ${error?.message}`).toMatch(message);
    expect(status).toBe('failed');
    expect(ended.code).toBe(4);
  });

  test('a log with rows of every bad kind is used without them, and each of them is reported', async () => {
    const file = writePipeline(folder('hostile'), '', { name: 'hostile' });
    const hostile = await writeHostileLog(path.join(folder('hostile'), 'log.jsonl'));
    const ended = await cli(home, ['run', file, '--wait', '--json']);
    const { dataset } = lastJson<RunJson>(ended);
    expect(ended.code).toBe(0);
    expect((dataset?.train ?? 0) + (dataset?.validation ?? 0) + (dataset?.test ?? 0)).toBe(hostile.examplesLeft);
    const shown = lastJson<{ manifest: Manifest }>(await cli(home, ['dataset', 'show', 'hostile', '--json']));
    expect(shown.manifest.verdicts).toEqual(hostile.expected);
    const { stdout } = await cli(home, ['dataset', 'show', 'hostile']);
    for (const { verdict } of hostile.expected) expect(stdout).toContain(verdict);
  });

  test('strict reading fails the run at its first bad row, with file, line and reason', async () => {
    const log = `${JSON.stringify(shopRows(1)[0])}\n{"messages": [\n`;
    const file = writePipeline(folder('strict'), log, { clean: { rows: 'strict' } });
    const ended = await cli(home, ['run', file, '--wait', '--json']);
    expect(lastJson<RunJson>(ended).error).toMatchObject({
      code: 'SOURCE_ROW_INVALID',
      message: expect.stringMatching(/^log\.jsonl:2: .*not JSON/),
    });
    expect(ended.code).toBe(4);
  });

  test('an unknown key is refused with file, line and the allowed values, before anything is started', async () => {
    const file = writePipeline(folder('unknown'), shopRows(60), { epocs: 3 });
    const { code, stderr } = await cli(home, ['run', file]);
    expect(stderr).toMatch(/PIPELINE_INVALID: .*pipeline\.json:18: unknown key epocs; allowed here: .*candidates/);
    expect(code).toBe(2);
  });

  test('a model that the provider does not have fails the run before any upload', async () => {
    const file = writePipeline(folder('model'), shopRows(60), { candidates: { models: ['gpt-none'] } });
    const { error } = lastJson<RunJson>(await cli(home, ['run', file, '--wait', '--json']));
    expect(error?.message).toMatch(/no model gpt-none; it offers local-/);
  });

  test('equal training files are uploaded once', async () => {
    const uploads = async () => (await Array.fromAsync(openai().files.list({ purpose: 'fine-tune' }))).length;
    const before = await uploads();
    const file = writePipeline(folder('again'), shopRows(60));
    expect(lastJson<RunJson>(await cli(home, ['run', file, '--wait', '--json'])).status).toBe('completed');
    expect(await uploads()).toBe(before);
  });

  test('cancelling a run cancels all its jobs at the provider', async () => {
    const file = writePipeline(folder('cancel'), shopRows(60), { split: { seed: 7 } });
    // The library is connected before the run starts, so that the request comes before the jobs end.
    await using tuneloop = createTuneloop({ home });
    await tuneloop.runs.list();
    const { runId } = await tuneloop.runs.start(file);
    await until(async () => (await jobsOf(runId)).length === 2, 'two jobs');
    await tuneloop.runs.cancel(runId);
    const ended = await cli(home, ['watch', runId, '--json']);
    expect(ended.code).toBe(5);
    expect(lastJson<RunJson>(ended)).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    expect((await jobsOf(runId)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });

  test('a single job that a person cancels is a lost candidate, and the run continues without it', async () => {
    const file = writePipeline(folder('one'), shopRows(60), { split: { seed: 9 } });
    const { runId } = lastJson<RunJson>(await cli(home, ['run', file, '--json']));
    await until(async () => (await jobsOf(runId)).length === 2, 'two jobs');
    const client = await connectClient(temporalTarget(home));
    await client.workflow.getHandle(`${runId}/local-nano-lr1-e2`).cancel();
    await client.connection.close();
    const run = lastJson<RunJson>(await cli(home, ['watch', runId, '--json']));
    expect(run).toMatchObject({ status: 'completed', winner: 'local-mini-lr1-e2' });
    expect(Object.fromEntries(run.candidates?.map(({ id, status }) => [id, status]) ?? [])).toEqual({
      'local-nano-lr1-e2': 'cancelled',
      'local-mini-lr1-e2': 'succeeded',
    });
    expect(run.notes).toContain('1 of 2 candidates have no model.');
  });

  test('a worker killed in the middle of training costs no second job', async () => {
    const candidates = {
      models: ['local-nano', 'local-mini', 'local-base'],
      learning_rate_multiplier: [0.5, 1, 2],
      epochs: 1,
    };
    const file = writePipeline(folder('kill'), shopRows(60), { candidates, split: { seed: 8 } });
    const { runId } = lastJson<RunJson>(await cli(home, ['run', file, '--json']));
    await until(async () => (await jobsOf(runId)).some(({ status }) => status === 'running'), 'a running job');
    process.kill(services().worker?.pid ?? 0, 'SIGKILL');
    const worker = new Cli(home, [], {}, 'src/worker.ts');
    try {
      const run = lastJson<RunJson>(await cli(home, ['watch', runId, '--json']));
      expect(run.status).toBe('completed');
      expect(await jobsOf(runId)).toHaveLength(9);
      const client = await connectClient(temporalTarget(home));
      for (const { id } of run.candidates ?? []) {
        const { historyLength } = await client.workflow.getHandle(`${runId}/${id}`).describe();
        expect(historyLength).toBeLessThan(40);
      }
      await client.connection.close();
    } finally {
      worker.child.kill('SIGTERM');
      expect((await worker.ended).code).toBe(0);
    }
  });

  test('without a worker a run waits for one, and says so', async () => {
    const { stderr, code } = await cli(home, ['run', path.join(folder('first'), 'pipeline.json')], {
      TUNELOOP_TASK_QUEUE: 'nobody',
    });
    expect(stderr).toMatch(/No worker waits on task queue nobody yet: start one with `npm run worker`/);
    expect(code).toBe(0);
  });

  test('a run that does not exist is named', async () => {
    const { stderr, code } = await cli(home, ['watch', 'shop/none']);
    expect(stderr).toMatch(/RUN_NOT_FOUND: there is no run shop\/none/);
    expect(code).toBe(2);
  });

  test('the example in every --help is a command of this program', async () => {
    const { stdout } = await cli(home, ['--help']);
    expect(stdout).toContain('From production prompts to a fine-tuned model and back');
    expect(stdout).toMatch(/Exit codes:/);
    expect((await cli(home, ['schedule', 'create', '--help'])).stdout).toMatch(
      /Example:\n {2}tuneloop schedule create/,
    );
  });
});

test('a trainer that does not answer is named within seconds, and no process is left', async () => {
  const { home, remove } = temporaryHome();
  try {
    const file = writePipeline(home, shopRows(60));
    const ended = await cli(home, ['demo', '--json', '--pipeline', file], {
      TUNELOOP_TRAINER_URL: 'http://127.0.0.1:9/v1',
    });
    expect(lastJson<RunJson>(ended).error).toEqual({
      code: 'PROVIDER_UNREACHABLE',
      message: expect.stringMatching(/http:\/\/127\.0\.0\.1:9\/v1 cannot be reached/),
    });
    expect(ended.code).toBe(4);
    expect(readServices(home)).toBeUndefined();
  } finally {
    remove();
  }
});
