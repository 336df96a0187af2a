import { z } from 'zod';
import type { MetricPoint } from '../../core/run/training-metrics.ts';

/** The answer of `GET /fine_tuning/jobs/{id}/metrics`: series of values without times, any of which may be missing. */
export const CRUSOE_METRICS = z.object({
  metrics: z
    .array(z.object({ metric_name: z.string(), data: z.array(z.object({ value: z.number().nullish() })).nullish() }))
    .nullish(),
});

type Metrics = z.infer<typeof CRUSOE_METRICS>;
type Series = (number | null)[];

interface Evaluation {
  step: number;
  loss: number;
}

const NOTHING = { trainLoss: null, validLoss: null, fullValidLoss: null, fullValidAccuracy: null };

/**
 * The reports of a job, oldest first, from series that share no clock. A later answer about the same job begins with the same reports,
 * although figures may come late: steps from the end of an epoch on are kept back until its evaluation is there. If the next epoch has
 * ended without it, it is lost, and no later step ends an epoch, because nobody could say which.
 *
 * @param epochs of the job; null where it is unknown: then no step ends an epoch
 */
export function crusoePoints(answer: Metrics, epochs: number | null): MetricPoint[] {
  const series = (name: string) => seriesOf(answer, name);
  const steps = series('ev_current_step');
  const totalSteps = totalStepsOf(answer);
  const points = new Map<number, MetricPoint>();
  const add = (step: number, figures: Partial<MetricPoint>) =>
    points.set(step, { ...NOTHING, step, totalSteps, ...points.get(step), ...figures });
  for (const [step, trainLoss] of lossesByStep(steps, series('ev_loss'))) add(step, { trainLoss });
  const newest = Math.max(0, ...points.keys());
  let told = Number.POSITIVE_INFINITY;
  if (epochs !== null && totalSteps !== null) {
    const plan = new Epochs(epochs, totalSteps);
    const evaluations = plan.evaluations(steps, series('ev_eval_loss'));
    let known = 0;
    for (let end = evaluations[0]; end; end = evaluations[known]) {
      add(end.step, { fullValidLoss: end.loss });
      known += 1;
    }
    const isLost = evaluations.length > known || newest >= plan.lastStep(known + 2);
    if (!isLost && known < epochs) told = plan.lastStep(known + 1) - 1;
  }
  return [...points.values()].filter(({ step }) => step <= told).sort((a, b) => a.step - b.step);
}

/** The steps that a job was planned to have; null where its figures do not say. */
export function totalStepsOf(answer: Metrics): number | null {
  return seriesOf(answer, 'ev_total_steps').findLast((value) => value !== null) ?? null;
}

function seriesOf({ metrics }: Metrics, name: string): Series {
  return metrics?.find((each) => each.metric_name === name)?.data?.map(({ value }) => value ?? null) ?? [];
}

/** Series of one length were read at the same moments; of another one, only the newest value has a known step. */
function lossesByStep(steps: Series, losses: Series): Map<number, number | null> {
  const byStep = new Map<number, number | null>();
  for (const [place, step] of steps.entries()) {
    if (step === null) continue;
    const isNewest = place === steps.length - 1;
    const loss = losses.length === steps.length ? losses[place] : isNewest ? losses.at(-1) : null;
    byStep.set(step, loss ?? byStep.get(step) ?? null);
  }
  return byStep;
}

/** The epochs of a job, by its steps. */
class Epochs {
  readonly #epochs: number;
  readonly #totalSteps: number;

  constructor(epochs: number, totalSteps: number) {
    this.#epochs = epochs;
    this.#totalSteps = totalSteps;
  }

  /** The last step of an epoch, which counts from 1. */
  lastStep(epoch: number): number {
    return Math.round((epoch * this.#totalSteps) / this.#epochs);
  }

  /** The evaluations by their epochs, with gaps. Jobs ask for one an epoch. */
  evaluations(steps: Series, losses: Series): (Evaluation | undefined)[] {
    const found: (Evaluation | undefined)[] = [];
    const isAligned = losses.length === steps.length;
    for (const [place, loss] of losses.entries()) {
      // A value that is read again is no new one.
      if (loss === null || (isAligned && loss === losses[place - 1])) continue;
      const step = isAligned ? steps[place] : this.lastStep(place + 1);
      if (step === null || step === undefined) continue;
      const epoch = isAligned ? this.#endedAt(step) : place + 1;
      if (epoch >= 1 && epoch <= this.#epochs) found[epoch - 1] ??= { step, loss };
    }
    return found;
  }

  /** The last epoch that has ended at a step, which may count from 0. */
  #endedAt(step: number): number {
    const nearest = Math.round((step * this.#epochs) / this.#totalSteps);
    if (step === this.lastStep(nearest)) return nearest;
    return Math.floor(((step + 1) * this.#epochs) / this.#totalSteps);
  }
}
