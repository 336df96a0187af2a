const WITH_BOTH_TAGS = /^\s*<think>.*?<\/think>\s*/s;
/** At the end of a line, because a text about such tags may name one. */
const WITH_CLOSING_TAG = /^.*?<\/think>[^\S\n]*(?:\n\s*|$)/s;
const OPENING_TAG = /^\s*<think>/;

/** An answer without the thoughts that the model wrote in front of it. */
export interface WithoutThoughts {
  text: string;
  /** Whether it ends before its thoughts do, so that there is no answer at all. */
  endsInThoughts: boolean;
}

/**
 * Takes the thoughts of a thinking model off an answer: whatever stands between `<think>` at the beginning and `</think>`. Some models have
 * the opening tag in their prompt, so that their answers have the closing one alone. Text without such thoughts stays as it is.
 */
export function withoutThoughts(text: string): WithoutThoughts {
  const [thoughts] = WITH_BOTH_TAGS.exec(text) ?? [];
  if (thoughts !== undefined) return { text: text.slice(thoughts.length), endsInThoughts: false };
  if (OPENING_TAG.test(text)) return { text: '', endsInThoughts: true };
  const [rest = ''] = WITH_CLOSING_TAG.exec(text) ?? [];
  return { text: text.slice(rest.length), endsInThoughts: false };
}
