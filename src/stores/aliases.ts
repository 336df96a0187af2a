import type { Alias } from '@tuneloop/app/internal/predict/alias';
import { deploymentsFolder } from './home.ts';
import { FileRecords } from './records.ts';

/** The aliases of deployments, one for each decision. The alias with the highest number counts. */
function aliasesOf(home: string): FileRecords {
  return new FileRecords(deploymentsFolder(home));
}

/** Adds the alias of a decision. If the decision has an alias already, that one stays. */
export async function writeAlias(home: string, alias: Alias): Promise<void> {
  await aliasesOf(home).append(alias.pipeline, alias.decision, `${JSON.stringify(alias)}\n`);
}
