import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** One message of an HTTP exchange. */
export interface Message {
  method: string;
  /** Below the base URL, without the query. */
  path: string;
  body: unknown;
}

/** Finds out what is wrong with a message by a provider's specification; empty where nothing is, or where it says nothing. */
export interface Specification {
  requestProblems(message: Message): string[];
  answerProblems(message: Message & { status: number }): string[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const FORMATS = ['date-time', 'uuid', 'float', 'double', 'int32', 'int64', 'binary', 'uri', 'date', 'unixtime', 'byte'];
const REQUEST_TYPES = ['application/json', 'application/x-www-form-urlencoded'];

/**
 * The specification of a provider, which is not a part of this repository; undefined, with a message, where it is not there.
 *
 * @param file below the folder of the specifications
 */
export function specification(file: string): Specification | undefined {
  const path = join(__dirname, '../../../../shared/spec', file);
  if (!existsSync(path)) {
    console.warn(`Bodies are not validated: the specification is not there (${path}).`);
    return undefined;
  }
  const document = JSON.parse(readFileSync(path, 'utf8')) as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  for (const format of FORMATS) ajv.addFormat(format, true);
  ajv.addSchema(document, 'spec');

  const problems = (place: readonly string[], { method, path: where, body }: Message): string[] => {
    const validate = ajv.compile({ $ref: `spec#${pointer(place)}` });
    if (validate(body)) return [];
    return (validate.errors ?? []).map((error) => `${method} ${where}${error.instancePath}: ${error.message}`);
  };
  return {
    requestProblems: (message) => {
      const place = operationOf(document, message);
      if (!place) return [`${message.method} ${message.path} is not in the specification`];
      const type = REQUEST_TYPES.find((each) => has(document, [...place, 'requestBody', 'content', each, 'schema']));
      return type ? problems([...place, 'requestBody', 'content', type, 'schema'], message) : [];
    },
    answerProblems: (message) => {
      const place = operationOf(document, message);
      const schema = [...(place ?? []), 'responses', `${message.status}`, 'content', 'application/json', 'schema'];
      if (has(document, schema)) return problems(schema, message);
      const error = ['components', 'schemas', 'ErrorData'];
      return message.status >= 400 && message.status !== 409 && has(document, error) ? problems(error, message) : [];
    },
  };
}

/** Where the operation stands in the document; with the fewest variables in its path. */
function operationOf(document: Document, { method, path }: Message): string[] | undefined {
  const name = method.toLowerCase();
  const template = Object.keys(document.paths)
    .filter((each) => new RegExp(`^${each.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path))
    .filter((each) => name in (document.paths[each] ?? {}))
    .sort((a, b) => a.split('{').length - b.split('{').length)[0];
  return template === undefined ? undefined : ['paths', template, name];
}

function has(document: object, place: readonly string[]): boolean {
  let value: unknown = document;
  for (const key of place) {
    if (typeof value !== 'object' || value === null) return false;
    value = Reflect.get(value, key);
  }
  return value !== undefined;
}

function pointer(parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');
}
