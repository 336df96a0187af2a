import { readFile } from 'node:fs/promises';
import type { Constraint } from '../../core/evaluation/constraint.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';

/** What `evaluation.constrain` of a pipeline holds answers to; undefined where it is not set. */
export async function constraintOf(
  { evaluation: { constrain, json_schema: file } }: Pick<Pipeline, 'evaluation'>,
  labels: ReadonlySet<string> | null,
): Promise<Constraint | undefined> {
  if (constrain === 'labels' && labels) return { kind: 'labels', labels: [...labels] };
  if (constrain === 'json_schema' && file)
    return { kind: 'json_schema', schema: JSON.parse(await readFile(file, 'utf8')) };
  return undefined;
}
