import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sweepHome } from '../../src/stores/sweep.ts';
import { temporaryName } from '../../src/stores/temporary-files.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();
const UUID = '0a1b2c3d-0000-4000-8000-0123456789ab';
const HOURS = 3_600_000;
const dead = spawnSync(process.execPath, ['-e', '']).pid;

function homeWith(names: readonly string[], ageMs: number): string {
  const home = mkdtempSync(path.join(root, 'home-'));
  for (const name of names) {
    const file = path.join(home, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, 'half');
    age(file, ageMs);
  }
  return home;
}

function age(place: string, ms: number): void {
  const then = new Date(Date.now() - ms);
  utimesSync(place, then, then);
}

const DRAFTS = [
  `artifacts/.writing-${UUID}`,
  `artifacts/.writing-${dead}-${UUID}`,
  `deployments/shop/.alias-${UUID}`,
  `deployments/shop/000002.json.writing-${dead}-${UUID}`,
  `datasets/shop/000002.json.writing-${UUID}`,
  `runs/shop/1/report.json.writing-${dead}-${UUID}`,
  `past-winners/shop.json.writing-${UUID}`,
  `services.json.${dead}`,
];

test('drafts of killed writers are removed after an hour', async () => {
  const home = homeWith(DRAFTS, 2 * HOURS);
  const removed = await sweepHome(home);
  expect(removed.map((file) => path.relative(home, file)).toSorted()).toEqual(DRAFTS.toSorted());
  for (const name of DRAFTS) expect(existsSync(path.join(home, name))).toBe(false);
});

test('a draft that was written to within the hour stays', async () => {
  expect(await sweepHome(homeWith(DRAFTS, HOURS / 2))).toEqual([]);
});

test('a draft of a running process stays for a day', async () => {
  const name = path.join('datasets', 'shop', path.basename(temporaryName('000002.json')));
  expect(await sweepHome(homeWith([name], 2 * HOURS))).toEqual([]);
  expect(await sweepHome(homeWith([name], 25 * HOURS))).toHaveLength(1);
});

test('files that are not drafts stay, however old they are', async () => {
  const names = [
    'artifacts/aa/0000',
    `artifacts/aa/.writing-${UUID}`,
    'deployments/shop/000001.json',
    'deployments/shop/canary.json',
    'datasets/shop/notes.writing-tomorrow',
    'runs/shop/1/report.json',
    'runs/scratch',
    `notes/.writing-${UUID}`,
    'services.json',
    'labelling-notes.txt',
  ];
  const home = homeWith(names, 1000 * HOURS);
  expect(await sweepHome(home)).toEqual([]);
  for (const name of names) expect(existsSync(path.join(home, name))).toBe(true);
});

test('scratch folders are removed once nothing in them was written to for an hour', async () => {
  const home = homeWith(['runs/shop/1/scratch/1/rows', 'labelling-a1B2c3/rows'], 2 * HOURS);
  const folders = ['runs/shop/1/scratch', 'labelling-a1B2c3'].map((name) => path.join(home, name));
  // The folders themselves were changed a moment ago.
  expect(await sweepHome(home)).toEqual([]);
  for (const folder of [path.join(home, 'runs/shop/1/scratch/1'), ...folders]) age(folder, 2 * HOURS);
  expect((await sweepHome(home)).toSorted()).toEqual(folders.toSorted());
});

test('links are not followed', async () => {
  const outside = homeWith([`runs/shop/.alias-${UUID}`], 2 * HOURS);
  const home = homeWith([], 0);
  symlinkSync(path.join(outside, 'runs'), path.join(home, 'runs'));
  mkdirSync(path.join(home, 'deployments'));
  symlinkSync(path.join(outside, 'runs', 'shop'), path.join(home, 'deployments', 'shop'));
  expect(await sweepHome(home)).toEqual([]);
  expect(readdirSync(path.join(outside, 'runs', 'shop'))).toHaveLength(1);
});

test('a home that does not exist has nothing to sweep', async () => {
  expect(await sweepHome(path.join(root, 'none'))).toEqual([]);
});
