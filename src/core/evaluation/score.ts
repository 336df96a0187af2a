/** A model's answer to an example. */
export interface AnsweredRow {
  /** The input of the model, without instructions. */
  input: string;
  answer: string;
  /** Whether the provider cut the answer off. */
  cut: boolean;
  /** The right answer first, then further acceptable ones. */
  references: readonly string[];
}

export interface Score {
  /** By the pipeline's metric, 0 (wrong) to 1 (right). */
  score: number;
  /** Whether the answer is empty, cut off or of the wrong form; then it scores 0 in everything. */
  invalid: boolean;
  /** The other scorers' figures by name, 0 to 1; every row has the same names. */
  scores: Record<string, number>;
  /** The cost of the judge for this row, in USD; 0 without a judge, null where no price is known. */
  judgeUsd: number | null;
}

/** The scores that need a model or a function of the user. */
export type AskedScore = Pick<Score, 'score' | 'scores'> & { usd: number | null };
