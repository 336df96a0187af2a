/**
 * A part of the prompts that changes from request to request and is no input by its form: a date, an id, examples, or which version of the
 * prompt was used; with the test whether answers depend on it, and what was decided.
 */
export interface CutPart {
  /** Of the template, from 0; null where the part is which version was used. */
  version: number | null;
  name: string;
  kind: 'date' | 'id' | 'few-shots' | 'version';
  /** `unknown`: there are too few rows to decide. */
  outcome: 'depends' | 'independent' | 'unknown';
  /** Rows that were compared. */
  rows: number;
  /** The p-value of the permutation test; null where there was none. */
  p: number | null;
  /** What shows the dependence best. */
  by: string;
  /** 0 to 1: how much of what can be explained the part explains. */
  strength: number;
  /** `cut`: not in the input. `kept`: in the input, with its label. `named`: inputs begin with the name of their prompt.
   * `one-version`: the prompts are one, and where they differ is a part of the input. */
  decision: 'cut' | 'kept' | 'named' | 'one-version';
}

/** What was decided about a part and why, in one sentence. */
export function cutPartText({ version, name, kind, outcome, rows, p, by, strength, decision }: CutPart): string {
  const what =
    kind === 'version' ? 'the version of the prompt' : `the ${kind} slot ‹${name}› of version ${(version ?? 0) + 1}`;
  const figure =
    p === null
      ? `${rows} rows with answers are ${rows < 2 ? 'too few' : 'compared'}`
      : `permutation test on ${rows} rows: p ${p < 0.001 ? '< 0.001' : `= ${p.toPrecision(2)}`}, strength ${strength.toFixed(2)}`;
  return `${what}: ${REASONS[outcome]} (${figure}${outcome === 'depends' ? `, shown by ${by}` : ''}); ${DECISIONS[decision]}`;
}

const REASONS: Record<CutPart['outcome'], string> = {
  depends: 'answers depend on it',
  independent: 'no sign that answers depend on it',
  unknown: 'it cannot be decided whether answers depend on it',
};

const DECISIONS: Record<CutPart['decision'], string> = {
  cut: 'it is not in the input',
  kept: 'it stays in the input',
  named: 'each input begins with the name of its prompt',
  'one-version': 'where the prompts differ, their text stays in the input',
};
