import type { AnsweredRow, AskedScore, Score } from '../core/evaluation/score.ts';
import { withoutThoughts } from '../core/evaluation/thoughts.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import { LabelChoice } from '../data/rows/label-choice.ts';
import { openJudge } from './answer-judge.ts';
import { openCustomScorer } from './custom-scorer.ts';
import { type Json, jsonFieldsF1 } from './json-fields.ts';
import { openJsonSchema } from './json-schema.ts';
import { textScores } from './scorer.ts';
import type { ScoringDependencies } from './scoring-dependencies.ts';

export interface Scoring {
  /** @throws TuneloopError BUDGET_EXCEEDED before the judge spends more than it may, SCORER_FAILED. */
  score(row: AnsweredRow, signal: AbortSignal): Promise<Score>;
}

export interface ScoringOptions {
  /** The labels that a classification may answer; null for generation. */
  labels: ReadonlySet<string> | null;
  /** The most that the judge may spend, in USD; null for no limit. */
  judgeLimitUsd: number | null;
}

/**
 * Opens the parts that the pipeline's metric needs: the judge, the function, the JSON Schema.
 *
 * @throws TuneloopError PIPELINE_INVALID, SCORER_FAILED or BUDGET_EXCEEDED where a part is missing or cannot be paid.
 */
export async function openScoring(
  dependencies: ScoringDependencies,
  pipeline: Pipeline,
  { labels, judgeLimitUsd }: ScoringOptions,
): Promise<Scoring> {
  const { metric } = pipeline.evaluation;
  const { hasForm, figures } = await openForm(pipeline, labels);
  const ask = await openAsked(dependencies, pipeline, judgeLimitUsd);
  return {
    async score(given, signal) {
      const row = withoutThoughtsIn(given);
      const { answer, cut, references } = row;
      const invalid = cut || answer.trim() === '' || !hasForm(row);
      const { [metric]: own = 0, ...others } = invalid ? figures('', []) : figures(answer, references);
      const [right] = references;
      if (invalid || right === undefined || !ask) return { score: own, invalid, scores: others, judgeUsd: 0 };
      const { score, scores, usd } = await ask(row, right, signal);
      return { score, invalid, scores: { ...others, ...scores }, judgeUsd: usd };
    },
  };
}

/** Right answers from the log of a thinking model have its thoughts too, which nobody can repeat word for word. */
function withoutThoughtsIn(row: AnsweredRow): AnsweredRow {
  const references = row.references.map((reference) => withoutThoughts(reference).text);
  return { ...row, answer: withoutThoughts(row.answer).text, references };
}

/** The required form of an answer, and the figures that cost no request, which are all 0 for the empty answer. */
interface Form {
  hasForm(row: AnsweredRow): boolean;
  figures(answer: string, references: readonly string[]): Record<string, number>;
}

async function openForm(pipeline: Pipeline, labels: ReadonlySet<string> | null): Promise<Form> {
  const { task, evaluation } = pipeline;
  if (task === 'classification') {
    const choice = new LabelChoice(pipeline);
    // The original prompt answers in its own form, a tuned model with the label.
    const labelOf = (answer: string) => {
      const chosen = choice.choose(answer);
      return ('answer' in chosen ? chosen.answer : answer).trim();
    };
    const known = labels && new Set([...labels].map((label) => label.trim()));
    const isRight = (answer: string, references: readonly string[]) =>
      references.some((reference) => reference.trim() === answer.trim() || reference.trim() === labelOf(answer));
    return {
      hasForm: ({ answer, references }) => !known || known.has(labelOf(answer)) || isRight(answer, references),
      figures: (answer, references) => ({ accuracy: Number(isRight(answer, references)) }),
    };
  }
  const { metric, json_schema: file } = evaluation;
  const unclear: Record<string, number> = metric === 'judge' ? { judge_unclear: 0 } : {};
  if (file === undefined && metric !== 'json_fields') {
    return {
      hasForm: () => true,
      figures: (answer, references) => ({ ...textScores(answer, references), ...unclear }),
    };
  }
  const fits = file === undefined ? () => true : await openJsonSchema(file);
  return {
    hasForm: ({ answer }) => parseJson(answer).some(fits),
    figures: (answer, references) => {
      const [value] = parseJson(answer);
      const right = references.flatMap(parseJson);
      return {
        ...textScores(answer, references),
        ...unclear,
        json_valid: Number(value !== undefined),
        json_fields: value === undefined ? 0 : Math.max(0, ...right.map((other) => jsonFieldsF1(value, other))),
      };
    },
  };
}

/** The document; undefined where the text is none. */
function parseJson(text: string): Json[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

type Ask = (row: AnsweredRow, right: string, signal: AbortSignal) => Promise<AskedScore>;

async function openAsked(
  dependencies: ScoringDependencies,
  pipeline: Pipeline,
  limitUsd: number | null,
): Promise<Ask | null> {
  const { metric, judge, scorer, concurrency } = pipeline.evaluation;
  if (metric === 'judge' && judge) return openJudge(dependencies, pipeline, judge, limitUsd);
  if (metric !== 'custom' || !scorer) return null;
  const score = await openCustomScorer(scorer, { concurrency });
  return async ({ input, answer }, expected, signal) => ({
    score: await score({ input, output: answer, expected }, signal),
    scores: {},
    usd: 0,
  });
}
