import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { RunJson } from '../../src/client/runs.ts';
import { isAlive, pidsOf, readServices } from '../../src/stores/services-file.ts';
import { Cli, cli, lastJson, temporaryHome, until } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

describe('demo', () => {
  const { home, remove } = temporaryHome();
  afterAll(remove);

  test('the example ends with a winner, a report and no running process', async () => {
    // Stretched, so that jobs can be stopped before they have ended.
    const ended = await cli(home, ['demo', '--json', '--job-seconds', '10']);
    const run = lastJson<RunJson>(ended);
    expect(ended.code).toBe(0);
    expect(run.status).toBe('completed');
    expect(run.candidates).toHaveLength(9);
    expect(new Set(run.candidates?.map(({ jobId }) => jobId)).size).toBe(9);
    expect(run.candidates?.flatMap(({ id, checkpoints }) => [id, ...checkpoints.map((each) => each.id)])).toContain(
      run.winner,
    );
    expect(run.candidates?.filter(({ status }) => status === 'stopped').length).toBeGreaterThan(0);
    expect(run.winnerJudged?.score).toBeGreaterThan(run.baseline?.score ?? 1);
    expect(run).toMatchObject({ judgedOn: 'test', recommendation: 'fine-tune', comparison: { verdict: 'better' } });
    expect(run.historyEvents).toBeLessThan(500);
    expect(run.localTrainer).toBe(true);
    expect(readFileSync(run.reportPath ?? '', 'utf8')).toContain('local trainer, not an LLM');
    expect(
      JSON.parse(readFileSync(path.join(path.dirname(run.reportPath ?? ''), 'report.json'), 'utf8')),
    ).toMatchObject({
      winner: run.winner,
    });
    expect(existsSync(path.join(home, 'services.json'))).toBe(false);
  });

  test('without --json the table goes to standard output and progress to standard error', async () => {
    const file = writePipeline(path.join(home, 'small'), shopRows(60));
    const { code, stdout, stderr } = await cli(home, ['demo', '--pipeline', file]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/before: gpt-4\.1-mini \(recorded, whole prompt\) .* 100\.0 % of/);
    expect(stdout).toMatch(/Report: .*report\.html/);
    expect(stderr).toMatch(/Watch it at http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/shop%2F/);
    expect(stderr).toMatch(/stage \d of 11: train/);
  });

  test('Ctrl-C cancels the run and its jobs, leaves no process, and the next start works', async () => {
    const file = writePipeline(path.join(home, 'small'), shopRows(60));
    const command = new Cli(home, ['demo', '--pipeline', file, '--job-seconds', '120']);
    await command.says(/local-nano-lr1-e2: running/);
    const pids = pidsOf(readServices(home) ?? { owner: 0, kept: false });
    expect(pids).toHaveLength(3);
    command.child.kill('SIGINT');
    const { code, stderr } = await command.ended;
    expect(stderr).toContain('cancelling the run and its jobs');
    expect(stderr).toContain('Cancelled.');
    expect(code).toBe(130);
    await until(() => !pids.some(isAlive), 'services to end');
    expect(lastJson<RunJson>(await cli(home, ['demo', '--pipeline', file, '--json'])).status).toBe('completed');
  });

  test('a killed demo leaves no process behind, and the next start works', async () => {
    const file = writePipeline(path.join(home, 'small'), shopRows(60));
    const command = new Cli(home, ['demo', '--pipeline', file, '--job-seconds', '120']);
    await command.says(/local-nano-lr1-e2: running/);
    const pids = pidsOf(readServices(home) ?? { owner: 0, kept: false });
    command.child.kill('SIGKILL');
    await until(() => !pids.some(isAlive), 'services to end');
    const run = lastJson<RunJson>(await cli(home, ['demo', '--pipeline', file, '--json']));
    expect(run.status).toBe('completed');
  });

  test('worker, trainer and Temporal may be killed one after another: each is started again, and no job is created twice', async () => {
    const file = writePipeline(path.join(home, 'killed'), shopRows(60), { name: 'killed' });
    const jobs = () => readdirSync(path.join(home, 'trainer', 'jobs')).filter((name) => name.endsWith('.json')).length;
    const before = jobs();
    const command = new Cli(home, ['demo', '--json', '--pipeline', file, '--job-seconds', '6']);
    await command.says(/local-nano-lr1-e2: running/);
    const pids = pidsOf(readServices(home) ?? { owner: 0, kept: false });
    for (const [index, pid] of pids.entries()) {
      process.kill(pid, 'SIGKILL');
      await until(() => (command.stderr.match(/starting it again/g) ?? []).length > index, 'a new start');
    }
    const ended = await command.ended;
    expect(lastJson<RunJson>(ended)).toMatchObject({ status: 'completed', winner: expect.any(String) });
    expect(ended.code).toBe(0);
    expect(jobs() - before).toBe(2);
  }, 120_000);

  test('a second demo in the same folder is refused while the first one runs', async () => {
    const file = writePipeline(path.join(home, 'small'), shopRows(60));
    const first = new Cli(home, ['demo', '--pipeline', file]);
    await first.says(/Watch it/);
    const second = await cli(home, ['demo', '--pipeline', file]);
    expect(second.stderr).toMatch(/LOCKED: process \d+ uses .*TUNELOOP_HOME/);
    expect(second.code).toBe(3);
    expect((await first.ended).code).toBe(0);
  });
});
