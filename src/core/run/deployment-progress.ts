/** What the workflow of a deployment has done already, beside the decisions themselves. */
export interface DeploymentProgress {
  /** Number of the decision that applications know. */
  written: number;
  /** Number of the decision that people have been told of. */
  told: number;
  /** Number of the proposal that people have been reminded of. */
  reminded: number;
  canary: CanaryLooks | null;
}

/** What the looks at one stage of a canary have found so far. */
export interface CanaryLooks {
  decision: number;
  looks: number;
  /** When the next look is due, in milliseconds since 1970. */
  nextAt: number;
  /** In words. */
  text: string;
}
