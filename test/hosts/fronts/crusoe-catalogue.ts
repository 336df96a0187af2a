import { createHash } from 'node:crypto';
import type { HostModel } from '../models.ts';

/** The id of a base model in the catalogue, which is none of its names. */
export function catalogueId({ id }: Pick<HostModel, 'id'>): string {
  return `model-${createHash('sha256').update(id).digest('hex').slice(0, 12)}`;
}
