import { readEnvironment } from '../../src/config/environment.ts';
import { provideServerProgram } from '../../src/temporal/server-program.ts';

/** Makes sure, once and before any test file, that there is a Temporal server to test with. */
export default async function globalSetup(): Promise<void> {
  const say = (message: string) => process.stderr.write(`${message}\n`);
  // Test files find it by this variable instead of looking for it each.
  process.env.TEMPORAL_CLI = await provideServerProgram(readEnvironment(), say);
}
