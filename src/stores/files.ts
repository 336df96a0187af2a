import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { temporaryName } from './temporary-files.ts';

/**
 * Writes a file whole or not at all, readable by its owner only. A link in place of the file is replaced, and a link in place
 * of the draft is refused. The package `write-file-atomic` is not used here, because it writes through such links.
 */
export async function writeFileAtomically(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = temporaryName(file);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
