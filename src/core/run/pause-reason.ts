/** Error codes of failures that only a person can fix; see `errors.ts`. A run pauses on them instead of ending. */
const PAUSE_CODES = ['PROVIDER_QUOTA', 'PROVIDER_CLOSED', 'DISK_FULL'] as const;
export type PauseCode = (typeof PAUSE_CODES)[number];

/** Why a run waits for a person. */
export interface PauseReason {
  code: string;
  message: string;
}

/** Whether an error code is one that pauses a run instead of ending it. */
export function pauseCodeOf(code: string): PauseCode | null {
  return PAUSE_CODES.find((known) => known === code) ?? null;
}
