import type { Arm } from './alias.ts';

/** The result of the model that a call belongs to. `unfit`: the prompt follows no known template, so that the model was not asked. */
export const CALL_OUTCOMES = ['ok', 'error', 'invalid', 'unfit', 'shutdown'] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** The record of a call through a deployment in the log, beside prompt and answer. */
export interface ServedCall {
  deployment: string;
  /** Number of the alias that served it. */
  decision: number;
  arm: Arm;
  outcome: CallOutcome;
  /** The model or prompt that gave the logged answer; null where none could. */
  answeredBy: Arm | null;
  /** The latency of the arm's model, or the time until it failed, in milliseconds; null where it was not asked. */
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

/** As metadata of a row of the log: texts, because providers keep only texts too. */
export function servedCallMetadata(call: ServedCall): Record<string, string> {
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, name]) => {
      const value = call[key as keyof ServedCall];
      return value === null ? [] : [[name, String(value)]];
    }),
  );
}

/** The metadata that all calls of a deployment, and no others, have in common. */
export function metadataOfDeployment(deployment: string): Record<string, string> {
  return { [KEYS.deployment]: deployment };
}

/** The record that {@link servedCallMetadata} wrote; null for other rows. */
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
