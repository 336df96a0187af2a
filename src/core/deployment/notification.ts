/** What people are told about a deployment and its retraining; delivered to `notify` of the pipeline. */
export interface Notification {
  /** The same each time it is sent, so that who gets it twice can tell. */
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
  /** The workflow id of the run that it follows from; null where there is none. */
  run: string | null;
  /** The provider's id; null for the original prompt. */
  model: string | null;
  /** Number of the decision that it is about. */
  decision: number;
  /** ISO 8601. */
  at: string;
  /** For people, in a sentence or two, without any row. */
  text: string;
  /** What to type, where something has to be done. */
  command?: string;
}
