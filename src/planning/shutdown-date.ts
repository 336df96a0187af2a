import type { DeployedModel } from '../core/deployment/deployed-model.ts';
import type { Model } from '../providers/inference.ts';

/** When a provider switches a model, or the one under it, off, whichever comes first; null where it does not say. */
export function shutdownDateOf(
  { model, baseModel }: Pick<DeployedModel, 'model' | 'baseModel'>,
  offered: readonly Model[],
): Date | null {
  const times = offered
    .flatMap(({ id, shutdownDate }) => (id === model || id === baseModel ? (shutdownDate?.getTime() ?? []) : []))
    .filter(Number.isFinite);
  return times.length === 0 ? null : new Date(Math.min(...times));
}
