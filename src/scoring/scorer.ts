import { distance } from 'fastest-levenshtein';
import { lcs } from 'js-rouge';
import { canonicalText } from '../core/text/canonical-text.ts';
import { bleu } from './bleu.ts';

/** What a written text can be scored by without asking anybody. */
export type TextMetric = 'exact_match' | 'normalised_exact_match' | 'similarity' | 'rouge_l' | 'bleu';

/**
 * `similarity` and `rouge_l` take time that grows with the product of the lengths. Of longer texts the first so many UTF-16
 * code units count, and of these for `rouge_l` and `bleu` the first so many words: a reference takes at most about a fifth
 * of a second.
 */
export const COMPARED_LENGTH = 10_000;
export const COMPARED_WORDS = 2000;

/**
 * Scores an answer from 0 (wrong) to 1 (right) by each metric. The reference that suits it best counts. White space around
 * answers and references does not. An answer that equals a reference scores 1 in all of them.
 */
export function textScores(answer: string, references: readonly string[]): Record<TextMetric, number> {
  const written = answer.trim();
  const right = references.map((reference) => reference.trim());
  if (right.includes(written)) {
    return { exact_match: 1, normalised_exact_match: 1, similarity: 1, rouge_l: 1, bleu: 1 };
  }
  const normalised = normalisedText(written);
  const compared = written.slice(0, COMPARED_LENGTH);
  const others = right.map((reference) => reference.slice(0, COMPARED_LENGTH));
  const answerWords = words(compared);
  const referenceWords = others.map(words);
  return {
    exact_match: 0,
    normalised_exact_match: Number(right.some((reference) => normalisedText(reference) === normalised)),
    similarity: best(others, (reference) => similarity(compared, reference)),
    rouge_l: best(referenceWords, (reference) => rougeL(answerWords, reference)),
    bleu: bleu(answerWords, referenceWords),
  };
}

function best<Reference>(references: readonly Reference[], score: (reference: Reference) => number): number {
  return Math.max(0, ...references.map(score));
}

/** 1 - Levenshtein distance / length of the longer text, in UTF-16 code units. */
function similarity(answer: string, reference: string): number {
  const length = Math.max(answer.length, reference.length);
  return length === 0 ? 1 : 1 - distance(answer, reference) / length;
}

/** F1 of the longest common subsequence of words (Lin 2004, ROUGE-L of one sentence). */
function rougeL(answer: string[], reference: string[]): number {
  const length = answer.length + reference.length;
  return length === 0 ? 0 : (2 * lcs(answer, reference).length) / length;
}

// Not the machine's own language: scores are the same everywhere.
const SEGMENTER = new Intl.Segmenter('en', { granularity: 'word' });

/** Words and marks between them, case folded, by Unicode's word boundaries; a dictionary finds them in Chinese or Thai. */
function words(text: string): string[] {
  const segments = Array.from(SEGMENTER.segment(canonicalText(text)), ({ segment }) => segment);
  return segments.filter((segment) => segment.trim() !== '').slice(0, COMPARED_WORDS);
}

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
