import { MANIFEST } from '../contract/stored/manifest.ts';
import type { DeployedModel } from '../core/deployment/deployed-model.ts';
import { costPer1k, tariffOf } from '../core/evaluation/cost.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { shutdownDateOf } from '../planning/shutdown-date.ts';
import { loadStored } from '../stores/stored-objects.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

export interface InspectChampionInput {
  definition: ArtifactRef;
  champion: DeployedModel;
  /** The newest dataset version. */
  manifest: ArtifactRef;
  /** The number of rows that it may be asked. */
  rows: number;
}

export interface InspectedChampion {
  /** Whether the provider still lists it. */
  listed: boolean;
  /** When the provider switches it, or the model under it, off, whichever comes first, ISO 8601; null where it does not say. */
  shutdownDate: string | null;
  /** The reservation for asking it, in USD; null where no price is known. */
  askUsd: number | null;
  /** Whether this worker has a monthly budget. */
  monthly: boolean;
}

/** As for evaluations in a run: answers may be longer than those of the log. */
const RESERVE = 1.25;

/** How long the serving model may still be called, and the cost of asking it. */
export function createInspectChampion(dependencies: Dependencies) {
  return async ({ champion, manifest, rows }: InspectChampionInput): Promise<InspectedChampion> => {
    const { artifacts, prices, monthlyBudgetUsd } = dependencies;
    // Its own provider: the pipeline may name another one by now.
    const { provider } = await loadPipeline(dependencies, champion.definition);
    const { inference, profile } = dependencies.connectProvider(provider);
    const paysByTokens = profile.billing.charges === 'tokens';
    const models = await inference.listModels();
    const { tokens } = await loadStored(MANIFEST, artifacts, manifest);
    const promptTokens = tokens.treated[champion.treatment]?.request ?? tokens.prompt;
    const tariff = tariffOf(prices, profile.billing, champion.baseModel, true);
    const per1k = paysByTokens ? costPer1k(tariff, { promptTokens, completionTokens: tokens.completion }, 0) : 0;
    return {
      // A provider that serves by lease need not list it; the deployment keeps its lease.
      listed: champion.lease !== undefined || models.some(({ id }) => id === champion.model),
      shutdownDate: shutdownDateOf(champion, models)?.toISOString() ?? null,
      askUsd: per1k === null ? null : (per1k / 1000) * rows * RESERVE,
      monthly: monthlyBudgetUsd !== null && paysByTokens,
    };
  };
}
