import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { LOCAL_STEP } from '../../contract/activity-options.ts';
import type { DeployedModel } from '../../core/deployment/deployed-model.ts';
import type { Comparison } from '../../core/evaluation/comparison.ts';
import { type AskedAlternative, askedAlternatives } from '../../core/run/alternatives.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Contending } from '../../core/run/contenders.ts';
import type { Dataset } from '../../core/run/dataset.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import type { TestOutcome } from '../../core/run/summarize-run.ts';
import { type Evaluated, type Evaluations, type PaidSubject, servedAs, tuned } from './evaluation.ts';
import type { Reservation, RunBudget } from './run-budget.ts';

const { compareModels, compareWithChampion } = proxyActivities<Activities>(LOCAL_STEP);

export interface FinalTestInput {
  definition: ArtifactRef;
  pipeline: Pipeline;
  dataset: Dataset;
  evaluations: Evaluations;
  budget: RunBudget;
  /** The reservation for each model that answers. */
  reserved: {
    winner: Reservation;
    baseline: Reservation;
    champion: Reservation;
    alternatives: readonly Reservation[];
    leases: readonly Reservation[];
  };
  /** The serving model; null for the original prompt. */
  champion: DeployedModel | null;
  /** The number of models that the winner was chosen from. */
  chosenAmong: number;
}

const WINNER = 'winner';
const BASELINE = 'baseline';
const CHAMPION = 'champion';
const UNKNOWN: Evaluated = { evaluation: null, failure: null };

function idOf({ model, constrained }: AskedAlternative): string {
  return constrained ? `constrained alternative ${model}` : `alternative ${model}`;
}

/**
 * Winner, baseline, champion and other models answer the test rows, which have chosen nothing. Without test rows they answer the validation
 * rows, where the winner's answers exist already.
 */
export async function testWinner(input: FinalTestInput, winner: Contending | null): Promise<TestOutcome> {
  const { definition, pipeline, dataset, evaluations, budget, reserved, champion } = input;
  const { baseline: choice } = pipeline.evaluation;
  const alternatives = askedAlternatives(pipeline.evaluation);
  const { validation, test } = dataset.examples;
  const judgedOn = test.rows > 0 ? 'test' : 'validation';
  const examples = dataset.examples[judgedOn];
  const live = choice === 'recorded' ? null : choice.live;
  const again = judgedOn === 'test' ? winner : null;
  if (!again) await budget.settle(reserved.winner, 0);
  if (!live) await budget.settle(reserved.baseline, 0);
  if (!champion) await budget.settle(reserved.champion, 0);

  const paid: PaidSubject[] = [
    ...(again ? [{ subject: tuned(WINNER, again), reservation: reserved.winner }] : []),
    ...(live
      ? [{ subject: { kind: 'prompted' as const, id: BASELINE, model: live }, reservation: reserved.baseline }]
      : []),
    ...(champion ? [{ subject: servedAs(CHAMPION, champion), reservation: reserved.champion }] : []),
    ...alternatives.flatMap((alternative, place) => {
      const reservation = reserved.alternatives[place];
      const { model, constrained } = alternative;
      const held = constrained ? { constrained: true as const } : {};
      return reservation
        ? [{ subject: { kind: 'prompted' as const, id: idOf(alternative), model, ...held }, reservation }]
        : [];
    }),
  ];
  const evaluated = await evaluations.evaluate({ name: 'test', examples }, paid, reserved.leases);
  const found = (id: string) => evaluated.get(id) ?? UNKNOWN;
  const tested = {
    judgedOn,
    winner: again ? found(WINNER) : (winner ?? UNKNOWN),
    baseline: live ? found(BASELINE) : await evaluations.evaluateRecorded(examples, validation),
    alternatives: alternatives.map((alternative) => ({
      model: alternative.model,
      ...(alternative.constrained && { constrained: true as const }),
      ...found(idOf(alternative)),
    })),
  } as const;

  const others = [tested.baseline, ...tested.alternatives].map(({ evaluation }) => evaluation?.predictions ?? null);
  const predictions = tested.winner.evaluation?.predictions;
  const chosenAmong = judgedOn === 'test' ? 1 : input.chosenAmong;
  const [comparison = null, ...comparisons] = predictions
    ? await compareModels.executeWithOptions({ summary: 'winner against the baseline' }, [
        { definition, winner: predictions, others, chosenAmong },
      ])
    : [];
  return {
    ...tested,
    comparison,
    champion: champion && {
      model: champion.model,
      ...found(CHAMPION),
      comparison: await compareChampion(predictions, found(CHAMPION).evaluation?.predictions),
    },
    alternatives: tested.alternatives.map((other, place) => ({ ...other, comparison: comparisons[place] ?? null })),
  };

  async function compareChampion(mine?: ArtifactRef | null, its?: ArtifactRef | null): Promise<Comparison | null> {
    if (!champion || !mine || !its) return null;
    const rows = { definition, examples, championManifest: champion.manifest, chosenAmong };
    return compareWithChampion.executeWithOptions({ summary: `winner against the champion ${champion.model}` }, [
      { ...rows, winner: mine, champion: its },
    ]);
  }
}
