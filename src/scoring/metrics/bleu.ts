/** N-grams of at most this many words are compared. */
const LONGEST = 4;

/**
 * BLEU of one sentence (Papineni et al. 2002): the geometric mean of the precisions of n-grams of 1 to 4 words, clipped by
 * the reference that has the most of each, times exp(1 - r / c) where the answer is shorter (c words) than the reference
 * of the nearest length (r words, the shorter of two as near). From pairs of words on, one is added to matches and n-grams
 * (Lin and Och 2004; method 2 of Chen and Cherry 2014), so that one order without a match does not make the whole 0. An
 * answer of fewer than 4 words is compared up to its own length.
 *
 * @returns 0 to 1; 0 where no word is in a reference.
 */
export function bleu(answer: readonly string[], references: readonly (readonly string[])[]): number {
  if (answer.length === 0) return 0;
  const orders = Math.min(LONGEST, answer.length);
  let logPrecisions = 0;
  for (let n = 1; n <= orders; n += 1) {
    const allowed = new Map<string, number>();
    for (const reference of references) {
      for (const [gram, count] of countGrams(reference, n)) allowed.set(gram, Math.max(count, allowed.get(gram) ?? 0));
    }
    let matches = 0;
    for (const [gram, count] of countGrams(answer, n)) matches += Math.min(count, allowed.get(gram) ?? 0);
    if (n === 1 && matches === 0) return 0;
    const added = n === 1 ? 0 : 1;
    logPrecisions += Math.log((matches + added) / (answer.length - n + 1 + added));
  }
  const nearest = nearestLength(references, answer.length);
  const brevity = answer.length < nearest ? Math.exp(1 - nearest / answer.length) : 1;
  return brevity * Math.exp(logPrecisions / orders);
}

function nearestLength(references: readonly (readonly string[])[], length: number): number {
  const lengths = references.map((reference) => reference.length).sort((a, b) => a - b);
  return lengths.reduce((a, b) => (Math.abs(b - length) < Math.abs(a - length) ? b : a));
}

/** Words hold no space, so that a joint of spaces is unambiguous. */
function countGrams(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let from = 0; from + n <= words.length; from += 1) {
    const gram = words.slice(from, from + n).join(' ');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
