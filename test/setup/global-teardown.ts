import { rmSync } from 'node:fs';
import { RUN_FOLDER } from './workflow-bundle.ts';

/** Removes the files of the global setup. */
export default function globalTeardown(): void {
  const folder = process.env[RUN_FOLDER];
  if (folder) rmSync(folder, { recursive: true, force: true });
}
