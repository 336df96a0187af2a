import { canonicalText } from '../../core/text/canonical-text.ts';
import type { TextMetric } from './metric.ts';

/** 1 for a text that is the same once case, spaces, quotes around it and punctuation at its end are taken off. */
export const normalisedExactMatch: TextMetric = {
  score({ answer, references }) {
    const normalised = normalisedText(answer);
    return Number(references.some((reference) => normalisedText(reference) === normalised));
  },
};

const QUOTES = '"\'`«»‹›“”„‟‘’‚‛「」『』';
const ENDINGS = '.,;:!?。、';

/**
 * A text as others may write it too: NFKC, case folded, white space collapsed, without quotes around it and without
 * punctuation at its end. A text of nothing else stays as it is.
 */
function normalisedText(text: string): string {
  const canonical = canonicalText(text);
  let from = 0;
  let to = canonical.length;
  while (from < to && ` ${QUOTES}`.includes(canonical.charAt(from))) from += 1;
  while (from < to && ` ${QUOTES}${ENDINGS}`.includes(canonical.charAt(to - 1))) to -= 1;
  return from === to ? canonical : canonical.slice(from, to);
}
