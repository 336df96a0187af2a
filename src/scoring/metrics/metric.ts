import { canonicalText } from '../../core/text/canonical-text.ts';

/** A figure of a written answer that needs nobody to be asked. */
export interface TextMetric {
  /**
   * Scores an answer that equals none of its references, from 0 (wrong) to 1 (right). Without references, and for an empty
   * answer, it is 0. The order of the references must not matter.
   */
  score(texts: ComparedTexts): number;
}

/**
 * A metric whose time grows with the product of the lengths reads `beginning` or `words`: at most so many UTF-16 code units,
 * and of these at most so many words. So a reference takes at most about a fifth of a second.
 */
export const COMPARED_LENGTH = 10_000;
export const COMPARED_WORDS = 2000;

/** An answer and its right answers, as metrics read them. What a metric does not ask for is not computed. */
export class ComparedTexts {
  /** Without white space around it. */
  readonly answer: string;
  readonly references: readonly string[];
  #words: { answer: string[]; references: string[][] } | undefined;

  constructor(answer: string, references: readonly string[]) {
    this.answer = answer.trim();
    this.references = references.map((reference) => reference.trim());
  }

  /** The first {@link COMPARED_LENGTH} UTF-16 code units of each text. */
  get beginning(): { answer: string; references: readonly string[] } {
    const cut = (text: string) => text.slice(0, COMPARED_LENGTH);
    return { answer: cut(this.answer), references: this.references.map(cut) };
  }

  /** The first {@link COMPARED_WORDS} words of each beginning, and the marks between them, case folded. */
  get words(): { answer: string[]; references: string[][] } {
    const { answer, references } = this.beginning;
    this.#words ??= { answer: wordsOf(answer), references: references.map(wordsOf) };
    return this.#words;
  }
}

/** The score of the reference that suits best; 0 where there is none. */
export function best<Reference>(references: readonly Reference[], score: (reference: Reference) => number): number {
  return Math.max(0, ...references.map(score));
}

// Not the machine's own language: scores are the same everywhere.
const SEGMENTER = new Intl.Segmenter('en', { granularity: 'word' });

/** By Unicode's word boundaries; a dictionary finds words in Chinese or Thai. */
function wordsOf(text: string): string[] {
  const segments = Array.from(SEGMENTER.segment(canonicalText(text)), ({ segment }) => segment);
  return segments.filter((segment) => segment.trim() !== '').slice(0, COMPARED_WORDS);
}
