import type { Arm } from './alias.ts';

/** How the model that a call belongs to did. `unfit`: the prompt follows no known template, so that it was not asked. */
export const CALL_OUTCOMES = ['ok', 'error', 'invalid', 'unfit', 'shutdown'] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** What a call through a deployment leaves in the log, beside prompt and answer. */
export interface ServedCall {
  deployment: string;
  /** Of the alias that it was served by. */
  decision: number;
  arm: Arm;
  outcome: CallOutcome;
  /** Who gave the answer that is logged; null where nobody could. */
  answeredBy: Arm | null;
  /** How long the arm's model took, or until it had failed, in milliseconds; null where it was not asked. */
  armLatencyMs: number | null;
}

const KEYS = {
  deployment: 'tuneloop_deployment',
  decision: 'tuneloop_decision',
  arm: 'tuneloop_arm',
  outcome: 'tuneloop_outcome',
  answeredBy: 'tuneloop_answered_by',
  armLatencyMs: 'tuneloop_arm_latency_ms',
} as const;

const ARMS: readonly string[] = ['champion', 'canary', 'original'] satisfies Arm[];

/** As metadata of a row of the log: texts, because that is what providers keep too. */
export function servedCallMetadata(call: ServedCall): Record<string, string> {
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, name]) => {
      const value = call[key as keyof ServedCall];
      return value === null ? [] : [[name, String(value)]];
    }),
  );
}

/** What the metadata of all calls of a deployment, and of no others, have in common. */
export function metadataOfDeployment(deployment: string): Record<string, string> {
  return { [KEYS.deployment]: deployment };
}

/** What {@link servedCallMetadata} wrote; null for a row of anybody else. */
export function readServedCall(metadata: Readonly<Record<string, string>> | undefined): ServedCall | null {
  if (!metadata) return null;
  const deployment = metadata[KEYS.deployment];
  const decision = wholeNumber(metadata[KEYS.decision]);
  const arm = metadata[KEYS.arm];
  const outcome = metadata[KEYS.outcome];
  if (!deployment || decision === null || !isArm(arm) || !isOutcome(outcome)) return null;
  const answeredBy = metadata[KEYS.answeredBy];
  return {
    deployment,
    decision,
    arm,
    outcome,
    answeredBy: isArm(answeredBy) ? answeredBy : null,
    armLatencyMs: milliseconds(metadata[KEYS.armLatencyMs]),
  };
}

function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : null;
}

function milliseconds(text = ''): number | null {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) && value >= 0 ? value : null;
}

function isArm(text: string | undefined): text is Arm {
  return text !== undefined && ARMS.includes(text);
}

function isOutcome(text: string | undefined): text is CallOutcome {
  return CALL_OUTCOMES.some((outcome) => outcome === text);
}
