import type { RowIssue } from '../../core/dataset/issue.ts';

/** The issues that were found while a row was read, each with the keys that it concerns. */
export class RowNotes {
  readonly issues: RowIssue[] = [];
  readonly #details = new Map<RowIssue, string[]>();

  /** @param detail names keys and kinds of values, never a value */
  add(issue: RowIssue, detail?: string): void {
    if (!this.issues.includes(issue)) this.issues.push(issue);
    if (detail === undefined) return;
    const details = this.#details.get(issue);
    if (details) details.push(detail);
    else this.#details.set(issue, [detail]);
  }

  /** The details of each issue that has some; undefined where none has. */
  details(): Partial<Record<RowIssue, string>> | undefined {
    if (this.#details.size === 0) return undefined;
    return Object.fromEntries([...this.#details].map(([issue, details]) => [issue, details.join('; ')]));
  }
}
