import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import { resumeUpdate } from '../../contract/messages.ts';
import type { PauseReason } from '../../core/run/pause-reason.ts';
import { pauseCodeOf } from '../../core/run/pause-reason.ts';
import { innermost } from './failure-reason.ts';

/** Pauses a run where only a person can help, and repeats the same step after a resume. */
export class Pause {
  readonly #onChange: (reason: PauseReason | null) => void;
  #reason: PauseReason | null = null;
  #resumes = 0;

  /** @param onChange is told the reason when the run pauses, and null when it goes on. */
  constructor(onChange: (reason: PauseReason | null) => void) {
    this.#onChange = onChange;
    setHandler(
      resumeUpdate,
      () => {
        const reason = this.#reason;
        if (!reason) throw new Error('the validator lets this pass only while the run is paused');
        this.#resumes += 1;
        this.#reason = null;
        this.#onChange(null);
        return reason;
      },
      {
        validator: () => {
          if (!this.#reason) throw ApplicationFailure.nonRetryable('this run is not paused', 'RUN_NOT_PAUSED');
        },
        description: 'Goes on where the run was paused',
      },
    );
  }

  /** Waits until a person resumes. Steps that pause at the same time wait for the same resume. */
  async wait(reason: PauseReason): Promise<void> {
    const resumes = this.#resumes;
    this.#reason ??= reason;
    this.#onChange(this.#reason);
    await condition(() => this.#resumes > resumes);
  }

  /** Does a step, and repeats it after each pause, until it ends in another way. */
  async around<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        const reason = pauseReasonOf(error);
        if (!reason) throw error;
        await this.wait(reason);
      }
    }
  }
}

/** The reason of a pause, if this error asks for one. */
export function pauseReasonOf(error: unknown): PauseReason | null {
  const cause = innermost(error);
  if (!(cause instanceof ApplicationFailure)) return null;
  const code = pauseCodeOf(cause.type ?? '');
  return code && { code, message: cause.message };
}
