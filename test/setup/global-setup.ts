import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readEnvironment } from '../../src/config/environment.ts';
import { provideServerProgram } from '../../src/local/server-program.ts';
import { ROOT } from './cli.ts';
import { RUN_FOLDER } from './workflow-bundle.ts';

/** Prepares the files that test files share, once and before any of them. */
export default async function globalSetup(): Promise<void> {
  const say = (message: string) => process.stderr.write(`${message}\n`);
  // Test files find it by this variable instead of looking for it each.
  process.env.TEMPORAL_CLI = await provideServerProgram(readEnvironment(), say);
  process.env[RUN_FOLDER] = mkdtempSync(path.join(tmpdir(), 'tuneloop-tests-'));
  // Node keeps its compiled code, keyed by the contents of each file, so that the many child processes start faster.
  process.env.NODE_COMPILE_CACHE ??= path.join(ROOT, 'node_modules', '.cache', 'node-compile');
}
