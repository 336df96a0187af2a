import { TEXT_METRICS } from './metrics/index.ts';
import { ComparedTexts } from './metrics/metric.ts';

/**
 * Scores an answer from 0 (wrong) to 1 (right) by each metric of text. White space around answers and references does not
 * count. An answer that equals a reference scores 1 in all of them.
 *
 * @returns the score of each metric of `TEXT_METRICS`, by its name.
 */
export function textScores(answer: string, references: readonly string[]): Record<string, number> {
  const texts = new ComparedTexts(answer, references);
  const isRight = texts.references.includes(texts.answer);
  return Object.fromEntries<number>(
    Object.entries(TEXT_METRICS).map(([name, metric]) => [name, isRight ? 1 : metric.score(texts)]),
  );
}
