/** A message to people about a deployment and its retraining; `notify` of the pipeline says how it is delivered. */
export interface Notification {
  /** The same id in each delivery, so that a receiver recognises a repetition. */
  id: string;
  type:
    | 'approval.needed'
    | 'approval.reminder'
    | 'approval.expired'
    | 'model.promoted'
    | 'model.rolled_back'
    | 'canary.started'
    | 'retraining.skipped'
    | 'retraining.failed';
  pipeline: string;
  /** The workflow id of the run that caused it; null without a run. */
  run: string | null;
  /** The provider's id; null for the original prompt. */
  model: string | null;
  /** Number of the decision that it is about. */
  decision: number;
  /** ISO 8601. */
  at: string;
  /** A sentence or two for people, without any row. */
  text: string;
  /** The command to type, where a person has to act. */
  command?: string;
}
