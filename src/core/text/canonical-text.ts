/** A text in a form that ignores spelling: NFKC, case folded, white space collapsed and trimmed. */
export function canonicalText(text: string): string {
  // Upper case first, because it unites letters that lower case keeps apart (ß and ss, the two small sigmas). Folding may leave marks
  // uncomposed, hence the second normalization.
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
  return folded.replace(/\s+/g, ' ').trim();
}
