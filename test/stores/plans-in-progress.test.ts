import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { runsFolder } from '../../src/stores/home.ts';
import { duringPlan, plansInProgress } from '../../src/stores/plans-in-progress.ts';
import { temporaryFolder } from './temporary-folder.ts';

const home = temporaryFolder();
const ID = 'plan/shop-20261123-081530-042';

test('a plan is in progress while its process makes it, and leaves nothing', async () => {
  expect(await plansInProgress(home)).toEqual([]);
  const seen = await duringPlan(home, ID, async (folder) => {
    mkdirSync(path.join(folder, 'work'));
    return plansInProgress(home);
  });
  expect(seen).toEqual([ID]);
  expect(await plansInProgress(home)).toEqual([]);
  expect(readdirSync(path.join(runsFolder(home), 'plan'))).toEqual([]);
});

test('what a killed process has left is no plan in progress', async () => {
  mkdirSync(path.join(runsFolder(home), ID, 'scratch', '999999999'), { recursive: true });
  expect(await plansInProgress(home)).toEqual([]);
});
