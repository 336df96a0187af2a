import type { Example } from '../../src/dataset/row.ts';

/** An example whose line number names it. */
export function example(line: number, input: string, completion = 'yes'): Example {
  return { id: `row-${line}`, line, input, completion };
}

export function linesOf(examples: readonly Example[]): number[] {
  return examples.map(({ line }) => line);
}
