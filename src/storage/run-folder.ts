import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Where one run keeps what people open (reports) and what it has not finished (predictions).
 * Built from the workflow's id, which may hold any character: each part becomes a plain file name.
 */
export function runFolder(home: string, runId: string): string {
  return path.join(home, 'runs', ...runId.split('/').map(fileName));
}

/** A file name that cannot leave its folder: anything but letters, digits, `-`, `_`, `.` becomes `_`. */
export function fileName(part: string): string {
  const plain = part.replace(/[^\w.-]/g, '_').slice(0, 120);
  return /^\.*$/.test(plain) ? `_${plain}` : plain;
}

/** Writes a file whole or not at all, readable by its owner only. */
export async function writeFileAtomically(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.writing-${randomUUID()}`;
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
