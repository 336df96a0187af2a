import type { RowIssue } from '../../core/dataset/issue.ts';

/** Why something could not become a row; `detail` names the key, never a value. */
export interface Refused {
  refused: RowIssue;
  detail?: string;
}
