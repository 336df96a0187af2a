import { z } from 'zod';

export type Metadata = Readonly<Record<string, string>>;

/** Labels of a job or of a stored completion, within the protocol's limits. */
export const metadataSchema = z
  .record(
    z.string().max(64, 'keys have at most 64 characters'),
    z.string().max(512, 'values have at most 512 characters'),
  )
  .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs are allowed')
  .nullish();

const FILTER = /^metadata\[(?<key>.*)\]$/s;

/** Whether something has all the pairs that a query asks for as `metadata[key]=value`. */
export function metadataFilter(query: Readonly<Record<string, unknown>>): (metadata: Metadata | null) => boolean {
  const wanted: [string, string][] = [];
  for (const [name, value] of Object.entries(query)) {
    const key = FILTER.exec(name)?.groups?.key;
    if (key !== undefined) wanted.push([key, String(value)]);
  }
  return (metadata) => wanted.every(([key, value]) => Object.hasOwn(metadata ?? {}, key) && metadata?.[key] === value);
}
