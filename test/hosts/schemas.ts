import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Front, SpecPart } from './front.ts';
import { strangersIn } from './strangers.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/spec');

/** Whether the hosts' documents are on this machine; they are no part of the repository. */
export const hasSpecs = existsSync(join(FOLDER, 'openai-fine-tuning.openapi.json'));

/** Why tests that need the documents are skipped. */
export const NO_SPECS = `Skipped: the specifications of the hosts are not there (${FOLDER}).`;

/** A request or an answer that the host's document does not allow. */
export interface Violation {
  readonly what: 'request' | 'answer' | 'meaning';
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly problems: readonly string[];
}

interface Document {
  readonly name: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly templates: readonly {
    readonly path: string;
    readonly pattern: RegExp;
    readonly methods: ReadonlySet<string>;
  }[];
}

interface Place {
  readonly document: Document;
  readonly template: string;
  readonly method: string;
}

const BODY_TYPES = ['application/json', 'application/x-www-form-urlencoded'];

const documents = new Map<string, Document>();
const ajv = new Ajv2020({ strict: false, allErrors: true });
// The shapes are checked, not these formats.
for (const format of [
  'unixtime',
  'date',
  'uri',
  'date-time',
  'float',
  'double',
  'int32',
  'int64',
  'binary',
  'uuid',
  'byte',
]) {
  ajv.addFormat(format, true);
}
const compiled = new Map<string, ValidateFunction | null>();

/** Checks the requests and answers of a host against its documents. Without documents nothing is checked. */
export class Schemas {
  readonly #front: Front;

  constructor(front: Front) {
    this.#front = front;
  }

  /** Problems of the body of a request, JSON or the fields of a form; empty where the document allows it, or says nothing. */
  request(method: string, path: string, body: unknown): string[] {
    const place = this.#place(method, path);
    if (!place) return [];
    const schemas = BODY_TYPES.map((type) => [...paths(place), 'requestBody', 'content', type, 'schema']);
    const schema = schemas.find((each) => valueAt(place.document.content, each) !== undefined);
    return schema ? check(place.document, schema, body) : [];
  }

  /** Whether a document has this path with this method; true where there are no documents. */
  has(method: string, path: string): boolean {
    return !hasSpecs || this.#place(method, path) !== undefined;
  }

  /** Whether the document wants a JSON body and nothing else. */
  needsJson(method: string, path: string): boolean {
    const place = this.#place(method, path);
    if (!place) return false;
    const body = valueAt(place.document.content, [...paths(place), 'requestBody']);
    if (!isRecord(body) || body.required !== true || !isRecord(body.content)) return false;
    return Object.keys(body.content).join() === 'application/json';
  }

  /** Fields of a JSON body of a request that the document does not have, except those that its front knows. */
  strangers(method: string, path: string, body: unknown): string[] {
    const place = this.#place(method, path);
    if (!place) return [];
    const { content } = place.document;
    const schema = valueAt(content, [...paths(place), 'requestBody', 'content', 'application/json', 'schema']);
    const resolve = (reference: string) => valueAt(content, reference.replace(/^#\//, '').split('/'));
    const known = new Set(this.#front.furtherFields?.map((field) => `/${field} is not in the document`));
    return strangersIn(body, schema, resolve).filter((problem) => !known.has(problem));
  }

  /** Problems of an answer with a JSON body. */
  answer(method: string, path: string, status: number, body: unknown): string[] {
    if (status >= 400) {
      const { errorSchema } = this.#front;
      if (!hasSpecs || !errorSchema || errorSchema.exceptStatus === status) return [];
      return check(documentOf(errorSchema.file), ['components', 'schemas', errorSchema.schema], body);
    }
    const place = this.#place(method, path);
    if (!place) return [];
    const responses = valueAt(place.document.content, [...paths(place), 'responses']);
    const known = isRecord(responses) ? Object.keys(responses) : [];
    const named = known.includes(`${status}`) ? `${status}` : known.includes('default') ? 'default' : undefined;
    if (named === undefined) return [`status ${status} is not one of ${known.join(', ')}`];
    return check(place.document, [...paths(place), 'responses', named, 'content', 'application/json', 'schema'], body);
  }

  #place(method: string, path: string): Place | undefined {
    if (!hasSpecs) return undefined;
    for (const part of this.#front.specs) {
      const place = placeIn(part, method.toLowerCase(), path);
      if (place) return place;
    }
    return undefined;
  }
}

function placeIn({ file, prefix, only = '' }: SpecPart, method: string, path: string): Place | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  if (!rest.startsWith(only)) return undefined;
  const document = documentOf(file);
  const found = document.templates.find(({ pattern, methods }) => methods.has(method) && pattern.test(rest));
  return found && { document, template: found.path, method };
}

function documentOf(file: string): Document {
  const known = documents.get(file);
  if (known) return known;
  const content: unknown = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
  if (!isRecord(content) || !isRecord(content.paths)) throw new Error(`${file} describes no paths`);
  const templates = Object.entries(content.paths)
    .map(([path, methods]) => ({
      path,
      pattern: new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')}$`),
      methods: new Set(isRecord(methods) ? Object.keys(methods) : []),
    }))
    // The more exact one first: with fewer variables, or with a word behind the last one.
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length || b.path.length - a.path.length);
  const document = { name: file, content, templates };
  ajv.addSchema(content, file);
  documents.set(file, document);
  return document;
}

function paths({ template, method }: Place): string[] {
  return ['paths', template, method];
}

function check({ name, content }: Document, place: readonly string[], body: unknown): string[] {
  const pointer = place
    .map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`)
    .join('');
  const id = `${name}#${pointer}`;
  let validate = compiled.get(id);
  if (validate === undefined) {
    validate = valueAt(content, place) === undefined ? null : ajv.compile({ $ref: id });
    compiled.set(id, validate);
  }
  if (validate === null || validate(body)) return [];
  return (validate.errors ?? []).map(problem);
}

function valueAt(content: unknown, place: readonly string[]): unknown {
  return place.reduce<unknown>((value, part) => (isRecord(value) ? value[part] : undefined), content);
}

function problem({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath || '(all)'} ${message}${'allowedValues' in params ? ` ${JSON.stringify(params.allowedValues)}` : ''}`;
}
