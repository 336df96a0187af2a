export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Ways of writing that a key has no value. */
export function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** The kind of a value, for messages: never the value itself, which is production data. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${kindOf(value[0])}`;
  switch (typeof value) {
    case 'object':
      return objectKind(Object.keys(value));
    case 'string':
      return value === '' ? 'an empty text' : 'a text';
    case 'boolean':
      return 'true or false';
    case 'undefined':
      return 'nothing';
    default:
      return 'a number';
  }
}

const KEYS_NAMED = 5;

function objectKind(keys: readonly string[]): string {
  if (keys.length === 0) return 'an empty object';
  const named = keys.slice(0, KEYS_NAMED).map((key) => (/^[\w.-]{1,40}$/.test(key) ? key : 'a longer key'));
  return `an object of ${named.join(', ')}${keys.length > KEYS_NAMED ? ', ...' : ''}`;
}
