import type { AnswerPart, TokenLogprob } from './engine.ts';

/** The text of an answer as it grows: it ends before a stop text, and none of it is shown before it is sure to stay. */
export class AnswerText {
  readonly #stop: readonly string[];
  #held = '';
  #logprobs: TokenLogprob[] = [];
  /** Whether a stop text was met. */
  stopped = false;

  constructor(stop: readonly string[]) {
    this.#stop = stop;
  }

  /** Adds what was written; returns what can be shown now, if anything. */
  add(text: string, logprobs: readonly TokenLogprob[]): AnswerPart | undefined {
    this.#held += text;
    this.#logprobs.push(...logprobs);
    const cut = Math.min(...this.#stop.map((stop) => this.#held.indexOf(stop)).filter((at) => at >= 0));
    if (Number.isFinite(cut)) {
      this.stopped = true;
      this.#held = this.#held.slice(0, cut);
      return this.end();
    }
    const sure = this.#held.length - mostCommon(this.#held, this.#stop);
    return sure === 0 ? undefined : this.#show(sure);
  }

  /** Shows all that is left. */
  end(): AnswerPart | undefined {
    return this.#show(this.#held.length);
  }

  #show(length: number): AnswerPart | undefined {
    const logprobs = this.#logprobs;
    if (length === 0 && logprobs.length === 0) return undefined;
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#logprobs = [];
    return logprobs.length > 0 ? { text, logprobs } : { text };
  }
}

/** Length of the longest end of a text with which a stop text begins. */
function mostCommon(text: string, stops: readonly string[]): number {
  let most = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > most; length--) {
      if (text.endsWith(stop.slice(0, length))) most = length;
    }
  }
  return most;
}
