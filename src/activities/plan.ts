import type { Plan, PlanInput } from '../core/run/run-plan.ts';
import { layOutRun, refuseMisfits } from '../planning/lay-out-run.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

/**
 * Lays out the sweep, and makes sure before any upload or payment that the provider answers, accepts the key and lets this account
 * fine-tune.
 */
export function createPlan(dependencies: Dependencies) {
  return async ({ definition, dataset, champion }: PlanInput): Promise<Plan> => {
    const pipeline = await loadPipeline(dependencies, definition);
    refuseMisfits(pipeline);
    const { training, inference, profile } = dependencies.connectProvider(pipeline.provider);
    await training.checkFineTuning();
    const offered = await inference.listModels();
    const { original_provider: choice } = pipeline;
    const original = choice === undefined ? null : dependencies.connectProvider(choice);
    return layOutRun(pipeline, {
      ...dependencies,
      profile,
      original: original && { profile: original.profile, offered: await original.inference.listModels() },
      offered,
      dataset,
      champion,
    });
  };
}
