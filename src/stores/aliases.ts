import type { Alias } from '@tuneloop/app/internal/predict/alias';
import { openAliasRecords } from './open-stores.ts';

/** Adds the alias of a decision; the alias with the highest number counts. If the decision has an alias already, that one stays. */
export async function writeAlias(home: string, alias: Alias): Promise<void> {
  await openAliasRecords(home).append(alias.pipeline, alias.decision, `${JSON.stringify(alias)}\n`);
}
