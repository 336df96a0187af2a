import { ISSUES, type RowIssue } from '../../core/dataset/issue.ts';
import { LabelJudge } from '../rows/answer-issue.ts';
import type { PreparedRows } from './prepared-rows.ts';

/** The label of each row, after different spellings of one label were united. */
export interface JudgedLabels {
  /** The number of each row's label; all 0 where answers are no labels. */
  indices: Uint32Array;
  names: string[];
  /** The issue of a row's label. */
  issueOf(row: number): RowIssue | undefined;
}

/** Judges each different label once, whatever the number of rows. */
export function judgeLabels({ count, labels, labelNames, labelCounts }: PreparedRows): JudgedLabels {
  const judge = new LabelJudge(new Map(labelNames.map((name, index) => [name, labelCounts[index] ?? 0])));
  const names: string[] = [];
  const numbers = new Map<string, number>();
  const issues: (RowIssue | undefined)[] = [];
  const mended = Uint32Array.from(labelNames, (name, index) => {
    const { completion, issue } = judge.mend(name);
    issues[index] = issue;
    const number = numbers.get(completion) ?? names.length;
    if (number === names.length) names.push(completion);
    numbers.set(completion, number);
    return number;
  });
  const indices = new Uint32Array(count);
  for (let row = 0; row < count; row += 1) indices[row] = mended[labels[row] ?? 0] ?? 0;
  return { indices, names, issueOf: (row) => issues[labels[row] ?? 0] };
}

/** For a task whose answers are no labels. */
export function withoutLabels({ count }: PreparedRows): JudgedLabels {
  return { indices: new Uint32Array(count), names: [], issueOf: () => undefined };
}

export function isDropped(issue: RowIssue | undefined): boolean {
  return issue !== undefined && ISSUES[issue].effect === 'drop';
}
