import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';

type Schema = Readonly<Record<string, unknown>>;

/** They say something of a value that is not a rule for it. */
const ANNOTATIONS = new Set(['$id', '$schema', 'title', 'description', 'default', 'examples', 'deprecated']);
/** The rules that llama.cpp's grammar of a schema keeps. `required` needs none: it writes all properties that the schema names. */
const KEPT = new Set([
  'type',
  'enum',
  'const',
  'required',
  'additionalProperties',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
  '$ref',
]);
const FORMATS = ['date-time', 'date', 'time'];

/**
 * A JSON schema as `node-llama-cpp` reads it.
 *
 * @throws ApiError 400 that names a rule which an answer cannot be held to
 */
export function readableSchema(schema: Schema, where = 'schema'): Schema {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    const place = `${where}.${key}`;
    if (ANNOTATIONS.has(key)) continue;
    if (key === 'anyOf' || key === 'oneOf') out.oneOf = schemas(value, place);
    else if (key === 'prefixItems') out.prefixItems = schemas(value, place);
    else if (key === 'properties' || key === '$defs') out[key] = named(value, place);
    else if (key === 'items' || (key === 'additionalProperties' && isRecord(value))) out[key] = one(value, place);
    else if (key === 'format' && FORMATS.includes(String(value))) out.format = value;
    else if (KEPT.has(key)) out[key] = value;
    else throw refused(place, 'it is a rule that an answer cannot be held to here');
  }
  return out;
}

function schemas(value: unknown, where: string): Schema[] {
  if (!Array.isArray(value)) throw refused(where, 'expected a list of schemas');
  return value.map((item, at) => one(item, `${where}[${at}]`));
}

function named(value: unknown, where: string): Record<string, Schema> {
  if (!isRecord(value)) throw refused(where, 'expected schemas by name');
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, one(item, `${where}.${name}`)]));
}

function one(value: unknown, where: string): Schema {
  if (!isRecord(value)) throw refused(where, 'expected a schema');
  return readableSchema(value, where);
}

function refused(where: string, why: string) {
  return invalid('response_format', `Invalid 'response_format.json_schema.${where}': ${why}.`, 'invalid_json_schema');
}
