import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { runFolder, runsFolder, scratchFolder } from './home.ts';
import { isAlive } from './services-file.ts';

const PLAN = 'plan';

/**
 * Gives a plan that this process makes a folder for its scratch files, and removes it afterwards. The name of the folder says which
 * process makes it, so that rows are not erased meanwhile.
 *
 * @param id the id of the plan: `plan/<pipeline>-<time>`
 */
export async function duringPlan<Result>(
  home: string,
  id: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = path.join(scratchFolder(home, id), String(process.pid));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    return await work(folder);
  } finally {
    await rm(runFolder(home, id), { recursive: true, force: true });
  }
}

/** The ids of the plans that processes of this machine are making. */
export async function plansInProgress(home: string): Promise<string[]> {
  const ids: string[] = [];
  for (const name of await namesIn(path.join(runsFolder(home), PLAN))) {
    const id = `${PLAN}/${name}`;
    const makers = await namesIn(scratchFolder(home, id));
    if (makers.some((pid) => isAlive(Number(pid)))) ids.push(id);
  }
  return ids;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
