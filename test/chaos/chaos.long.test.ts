import { runChaos } from './chaos.ts';
import { planChaos } from './plan.ts';

describe('the plan', () => {
  test('the same seed gives the same plan, and another seed gives another', () => {
    const options = { runs: 30, seed: 5 };
    expect(planChaos(options)).toEqual(planChaos(options));
    expect(planChaos(options)).not.toEqual(planChaos({ ...options, seed: 6 }));
  });

  test.each([1, 3, 11, 20, 100])('%i runs are all planned, with as many kills, in waves of 10 at most', (runs) => {
    const { waves } = planChaos({ runs, seed: 5 });
    const names = waves.flatMap((wave) => wave.runs.map(({ name }) => name));
    expect(new Set(names).size).toBe(runs);
    expect(waves.flatMap(({ kills }) => kills).length).toBeGreaterThanOrEqual(runs);
    expect(Math.max(...waves.map((wave) => wave.runs.length))).toBeLessThanOrEqual(10);
  });

  test('a hundred runs meet every kind of fault, both victims, budgets and cancellations', () => {
    const { waves } = planChaos({ runs: 100, seed: 5 });
    const kinds = waves.flatMap(({ phases }) => phases.flatMap(({ rules }) => rules.map(({ effect }) => effect.kind)));
    expect([...new Set(kinds)].toSorted()).toEqual([
      'execute_then_hang',
      'execute_then_reset',
      'execute_then_status',
      'job_status',
      'latency',
      'list_lag',
      'model_ready_after',
      'reset',
      'reset_upload',
      'status',
    ]);
    const runs = waves.flatMap((wave) => wave.runs);
    expect(runs.filter(({ affordable }) => affordable !== null)).toHaveLength(20);
    expect(runs.filter(({ cancel }) => cancel !== null)).toHaveLength(20);
    const victims = waves.flatMap(({ kills }) => kills.map(({ target }) => target));
    expect(victims.filter((target) => target === 'server').length).toBeGreaterThan(5);
  });
});

// Half a minute where all goes well; the rest is for a slow machine. `npm run chaos` is the long form.
test('runs survive a worker that is killed and a provider that fails: no job twice, none left, no budget broken', async () => {
  const lines: string[] = [];
  const result = await runChaos({ runs: 3, kills: 4, seed: 7, say: (line) => lines.push(line) });
  const { problems, ...figures } = result;
  // The lines tell a failure apart: they hold the ends of all logs.
  if (problems.length > 0) throw new Error([...problems, ...lines].join('\n'));
  expect(figures).toMatchObject({ runs: 3, duplicates: 0, orphans: 0, lost: 0, overruns: 0, incomplete: 0 });
  for (const figure of ['completed', 'kills', 'faults'] as const) expect(figures[figure]).toBeGreaterThan(0);
}, 420_000);

// `npm run chaos -- --host <name>` is the long form.
test('runs at a host that loses answers leave no job and no lease, and send nothing that its document does not know', async () => {
  const lines: string[] = [];
  const result = await runChaos({ host: 'fireworks', runs: 2, kills: 2, seed: 7, say: (line) => lines.push(line) });
  const { problems, ...figures } = result;
  if (problems.length > 0) throw new Error([...problems, ...lines].join('\n'));
  expect(figures).toMatchObject({
    runs: 2,
    duplicates: 0,
    orphans: 0,
    leasesLeft: 0,
    lost: 0,
    overruns: 0,
    invalid: 0,
  });
  // Of two runs none may complete or come to its lease, where the machine is slow; hosts.long.test.ts has whole runs.
  const seen = ['kills', 'faults'] as const;
  expect(seen.filter((figure) => figures[figure] === 0)).toEqual([]);
}, 300_000);
