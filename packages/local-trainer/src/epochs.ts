/** The number of epochs for `auto`: 3, more on few examples and fewer on very many (the rule of OpenAI's cookbook). */
export function automaticEpochs(examples: number): number {
  const target = 3;
  if (examples * target < 100) return Math.min(25, Math.floor(100 / examples));
  if (examples * target > 25_000) return Math.max(1, Math.floor(25_000 / examples));
  return target;
}
