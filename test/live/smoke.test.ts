import { createTuneloop } from '../../src/client/tuneloop.ts';
import { temporaryHome } from '../setup/cli.ts';
import { LIVE_HOSTS, writeSmokePipeline } from './smoke.ts';

const { home, remove } = temporaryHome();
const tuneloop = createTuneloop({ home });
afterAll(async () => {
  await tuneloop.close();
  remove();
});

test.each(LIVE_HOSTS)('the smoke test of $name fits into its budget of $budgetUsd USD', async (host) => {
  const planned = await tuneloop.runs.plan(writeSmokePipeline(`${home}/${host.name}`, host));
  if (planned.status !== 'completed') throw new Error(planned.error.message);
  const { candidates, estimate } = planned.plan;
  expect(candidates).toHaveLength(1);
  expect(estimate.totalUsd).toBeLessThanOrEqual(host.budgetUsd);
});
