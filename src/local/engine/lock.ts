import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { EnvironmentKind } from './work.ts';

/** The lock file, less the packages that are left out. */
export async function lockText({ lock, without }: EnvironmentKind): Promise<string> {
  const blocks = (await readFile(lock, 'utf8')).split(/^(?=\S)/m);
  return blocks.filter((block) => !without.some((name) => block.startsWith(`${name}==`))).join('');
}

/** SHA-256 of the whole lock file. */
export async function lockHash({ lock }: EnvironmentKind): Promise<string> {
  return createHash('sha256')
    .update(await readFile(lock))
    .digest('hex');
}
