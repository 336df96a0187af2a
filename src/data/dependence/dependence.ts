import { answerTraits } from './answer-traits.ts';
import { exampleStatistic } from './example-statistic.ts';
import { permutationTest } from './permutation-test.ts';
import { informationStatistic, neighbourStatistic, repetitionStatistic } from './statistics.ts';
import { strataByInput } from './strata.ts';
import { type PartKind, valueTraits } from './value-traits.ts';

/** A row as the test sees it. */
export interface AnsweredPart {
  /** The prompt without its instructions and without the part. */
  input: string;
  /** What stands in the part, or the version of the prompt. */
  value: string;
  answer: string;
}

/** Whether answers depend on a part of the prompt. `unknown`: there are too few rows to decide. */
export interface Dependence {
  outcome: 'depends' | 'independent' | 'unknown';
  /** Rows that were compared. */
  rows: number;
  /** The p-value of the permutation test; null where there was none. */
  p: number | null;
  /** What shows it best. */
  by: string;
  /** 0 to 1: how much of what can be explained the part explains. */
  strength: number;
}

export interface DependenceOptions {
  kind: PartKind;
  classification: boolean;
  /** The number of parts that are tested in this log: the level is divided by it. */
  tests: number;
}

/** Chance of keeping some part of a log although no answer depends on any. */
const LEVEL = 0.01;
/** A weaker dependence is of no use to a model. */
const LEAST_STRENGTH = 0.03;
/** With fewer rows, chance explains too much. Examples that set the rule show only in more rows. */
const FEWEST_ROWS: Record<PartKind, number> = { version: 30, date: 30, id: 30, 'few-shots': 200 };
const MOST_ROWS = 500;
const MOST_TESTS = 20;
/** Share of different answers from which on they are compared as texts, even where they are called labels. */
const MOST_DIFFERENT_LABELS = 0.5;

/**
 * Tests whether answers repeat a part of the prompt, or depend on it in a way that the rest of the prompt does not explain. Rows count in
 * the order in which they are given; of many, a share from all over them.
 */
export function testDependence(
  all: readonly AnsweredPart[],
  { kind, classification, tests }: DependenceOptions,
): Dependence {
  const rows = sampled(all);
  const [inputs, values, answers] = [
    rows.map(({ input }) => input),
    rows.map(({ value }) => value),
    rows.map(({ answer }) => answer.trim()),
  ];
  const none = { rows: rows.length, p: null, by: '', strength: 0 };
  const different = new Set(answers).size;
  if (rows.length < FEWEST_ROWS[kind]) return { outcome: 'unknown', ...none };
  if (new Set(values).size < 2 || different < 2) return { outcome: 'independent', ...none };
  const areLabels = classification && different <= rows.length * MOST_DIFFERENT_LABELS;
  const strata = areLabels
    ? strataByInput(inputs, answers)
    : kind === 'version'
      ? strataByInput(inputs, values)
      : new Uint16Array(rows.length);
  const parts = valueTraits(values, kind);
  const traits = answerTraits(answers, inputs, areLabels);
  const statistics = [
    ...parts.flatMap((part) => traits.map((trait) => informationStatistic(part, trait, strata))),
    ...parts.map((part) => neighbourStatistic(part, answers, inputs)).filter((statistic) => statistic !== undefined),
    ...(kind === 'few-shots' ? [exampleStatistic(values, answers, inputs)] : []),
    ...(kind === 'version' ? [] : [repetitionStatistic(values, answers, inputs)]),
  ];
  const level = LEVEL / Math.min(MOST_TESTS, tests);
  const { p, by, strength } = permutationTest(statistics, strata, Math.ceil(2 / level));
  const outcome = p <= level && strength >= LEAST_STRENGTH ? 'depends' : 'independent';
  return { outcome, rows: rows.length, p, by, strength };
}

function sampled(rows: readonly AnsweredPart[]): readonly AnsweredPart[] {
  if (rows.length <= MOST_ROWS) return rows;
  return Array.from({ length: MOST_ROWS }, (_, index) => rows[Math.floor((index * rows.length) / MOST_ROWS)]).filter(
    (row) => row !== undefined,
  );
}
