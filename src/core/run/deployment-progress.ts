/** The progress of a deployment's workflow, besides the decisions themselves. */
export interface DeploymentProgress {
  /** Number of the newest decision that applications know. */
  written: number;
  /** Number of the newest decision that people were told of. */
  told: number;
  /** Number of the newest proposal that people were reminded of. */
  reminded: number;
  canary: CanaryLooks | null;
}

/** The findings of the looks at one stage of a canary so far. */
export interface CanaryLooks {
  decision: number;
  looks: number;
  /** When the next look is due, in milliseconds since 1970. */
  nextAt: number;
  /** The findings in words. */
  text: string;
}
