import type { Pipeline } from './pipeline.ts';

/** A model that is asked with the original prompt beside the baseline. */
export interface AskedAlternative {
  readonly model: string;
  /** Held to `evaluation.constrain`. */
  readonly constrained: boolean;
}

/**
 * The alternatives in the order in which money is held back for them. Where tuned models are held to a form, each is asked with and
 * without it: a model that was not tuned often fails by the form alone, and the figure without it says nothing else.
 */
export function askedAlternatives({
  alternatives,
  constrain,
}: Pick<Pipeline['evaluation'], 'alternatives' | 'constrain'>): AskedAlternative[] {
  return alternatives.flatMap((model) => [
    { model, constrained: false },
    ...(constrain ? [{ model, constrained: true }] : []),
  ]);
}
