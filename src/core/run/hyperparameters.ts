import type { Pipeline } from './pipeline.ts';

/** The settings of a job that a sweep varies. */
export interface Hyperparameters {
  /** A factor of the rate that the provider holds for usual. */
  learningRateMultiplier: number;
  /** The rate itself, where it is what the provider is told: the multiplier times the base of its profile. */
  learningRate?: number;
  epochs: number;
  /** Left to the provider where absent. */
  batchSize?: number;
  /** Rank of the LoRA adapter; the profile's default where absent. */
  loraRank?: number;
  /** Seed of the training; from the job's key where absent. */
  seed?: number;
}

/** How a provider takes learning rates; a part of its profile. */
export type LearningRateRule =
  /** As a factor of a rate that only the provider knows. */
  | { readonly takes: 'multiplier' }
  /** As the rate itself. A multiplier of a pipeline file is one of this base. */
  | { readonly takes: 'rate'; readonly base: number }
  /** As the pipeline file gives them, either way. A rate is one of this base only where it is compared with multipliers. */
  | { readonly takes: 'either'; readonly base: number };

/** The rule of one sweep, whose file gives rates or multipliers. */
export function ruleFor(
  { learning_rate: rates }: Partial<Pick<Pipeline['candidates'], 'learning_rate'>>,
  rule: LearningRateRule,
): Exclude<LearningRateRule, { takes: 'either' }> {
  if (rule.takes !== 'either') return rule;
  return rates === undefined ? { takes: 'multiplier' } : { takes: 'rate', base: rule.base };
}

/** The rate of a job, as the provider takes it, with the multiplier that it stands for. */
export type Rate = Pick<Hyperparameters, 'learningRateMultiplier' | 'learningRate'>;

/**
 * The rates of a sweep. A multiplier becomes the rate that many times the provider's base, and a rate gets the multiplier that leads to it.
 *
 * @throws RangeError for rates at a provider that takes multipliers alone, which reading the pipeline has refused
 */
export function ratesOf(
  {
    learning_rate: rates,
    learning_rate_multiplier: multipliers,
  }: Partial<Pick<Pipeline['candidates'], 'learning_rate' | 'learning_rate_multiplier'>>,
  rule: ReturnType<typeof ruleFor>,
): Rate[] {
  if (rule.takes === 'multiplier') {
    if (multipliers === undefined) throw new RangeError('this provider takes no learning rate, only a multiplier');
    return listOf(multipliers).map((learningRateMultiplier) => ({ learningRateMultiplier }));
  }
  if (rates === undefined) return listOf(multipliers ?? 1).map((multiplier) => rateAt(multiplier, rule));
  return listOf(rates).map((learningRate) => ({
    learningRateMultiplier: withoutRounding(learningRate / rule.base),
    learningRate,
  }));
}

/** The rate of a multiplier at a provider. */
export function rateAt(learningRateMultiplier: number, rule: LearningRateRule): Rate {
  if (rule.takes !== 'rate') return { learningRateMultiplier };
  return { learningRateMultiplier, learningRate: withoutRounding(learningRateMultiplier * rule.base) };
}

/** 0.1 * 3 is 0.30000000000000004, which nobody wants to read or send. */
function withoutRounding(value: number): number {
  return Number(value.toPrecision(12));
}

/** A multiplier with the rate that it stands for, such as `0.5 (0.00005)`; without it at providers that take multipliers. */
export function rateText({ learningRateMultiplier, learningRate }: Rate): string {
  return `${learningRateMultiplier}${learningRate === undefined ? '' : ` (${learningRate})`}`;
}

/** Settings for people, such as `learning rate x 0.5 (0.00005)`. */
export function settingTexts({ epochs, ...others }: Hyperparameters): string[] {
  const [rate = '', ...rest] = settingsBesideEpochs(others);
  return [rate, `${epochs} epochs`, ...rest];
}

/** As {@link settingTexts}, where the epochs stand elsewhere. */
export function settingsBesideEpochs({
  batchSize,
  loraRank,
  seed,
  ...rate
}: Omit<Hyperparameters, 'epochs'>): string[] {
  return [
    `learning rate x ${rateText(rate)}`,
    ...(batchSize === undefined ? [] : [`batches of ${batchSize}`]),
    ...(loraRank === undefined ? [] : [`LoRA rank ${loraRank}`]),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
  ];
}

/** Tells the settings of a sweep apart, and those of past winners: the rate follows from the multiplier. */
export function settingsKey({
  learningRateMultiplier,
  epochs,
  batchSize,
  loraRank,
  seed,
}: Hyperparameters): readonly (number | null)[] {
  const added = [loraRank ?? null, seed ?? null];
  return [learningRateMultiplier, epochs, batchSize ?? null, ...(added.some((value) => value !== null) ? added : [])];
}

/** The values of a key that takes one or several, each once. */
export function listOf<T>(value: T | T[]): T[] {
  return [...new Set(Array.isArray(value) ? value : [value])];
}
