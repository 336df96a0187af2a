import { isRecord } from '@tuneloop/app/internal/shared/json-body';

type Resolve = (reference: string) => unknown;

/**
 * The fields of a body that its schema does not name. Most hosts pass over them, which is worse than an error: the sender believes that
 * they count. A map, whose names are free, has none.
 */
export function strangersIn(body: unknown, schema: unknown, resolve: Resolve, path = ''): string[] {
  const schemas = alternatives(schema, resolve);
  if (Array.isArray(body)) {
    const items = schemas.map((each) => each.items).filter((each) => each !== undefined);
    if (items.length === 0) return [];
    return body.flatMap((entry, index) => strangersIn(entry, { anyOf: items }, resolve, `${path}/${index}`));
  }
  if (!isRecord(body)) return [];
  const named = schemas.map(({ properties }) => properties).filter(isRecord);
  if (named.length === 0 || schemas.some(({ additionalProperties: free }) => isRecord(free))) return [];
  return Object.entries(body).flatMap(([field, value]) => {
    const found = named.filter((properties) => field in properties).map((properties) => properties[field]);
    if (found.length === 0) return [`${path}/${field} is not in the document`];
    return strangersIn(value, { anyOf: found }, resolve, `${path}/${field}`);
  });
}

/** A schema as all the schemas that it is put together from. */
function alternatives(schema: unknown, resolve: Resolve): Record<string, unknown>[] {
  if (!isRecord(schema)) return [];
  const parts = ['anyOf', 'oneOf', 'allOf'].flatMap((word) => (Array.isArray(schema[word]) ? schema[word] : []));
  const referred = typeof schema.$ref === 'string' ? [resolve(schema.$ref)] : [];
  return [schema, ...[...parts, ...referred].flatMap((part) => alternatives(part, resolve))];
}
