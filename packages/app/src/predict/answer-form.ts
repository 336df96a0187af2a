import { TuneloopError } from '../errors.ts';
import type { Alias } from './alias.ts';

/** An answer as it arrived. */
export interface GivenAnswer {
  text: string;
  finishReason: string | null;
}

/** The content of a valid answer. */
export interface CheckedAnswer {
  valid: boolean;
  /** The text without white space around it; null for generation, and for an answer that is not valid. */
  label: string | null;
  /** The document; null where no schema asks for one, and for an invalid answer. */
  json: unknown;
}

/** Checks an answer as evaluations do. `labels`: the allowed answers; null where they are not limited, or unknown. */
export type AnswerForm = (answer: GivenAnswer, labels: readonly string[] | null) => CheckedAnswer;

const INVALID: CheckedAnswer = { valid: false, label: null, json: null };
/** The finish reasons of an answer that was cut off: by its length, or by a filter. */
const CUT: ReadonlySet<string | null> = new Set(['length', 'content_filter']);

/**
 * The required form of a deployment's answers.
 *
 * @throws Error for a value that is no JSON Schema of draft 2020-12 or draft-07; TuneloopError PACKAGE_MISSING for a schema where
 * the package `ajv` is not installed.
 */
export async function openAnswerForm({ task, jsonSchema }: Pick<Alias, 'task' | 'jsonSchema'>): Promise<AnswerForm> {
  const fits = jsonSchema === null ? null : await compile(jsonSchema);
  return ({ text, finishReason }, labels) => {
    const label = text.trim();
    if (label === '' || CUT.has(finishReason)) return INVALID;
    if (labels && !labels.some((known) => known.trim() === label)) return INVALID;
    if (task === 'classification') return { valid: true, label, json: null };
    return fits ? documentIn(text, fits) : { valid: true, label: null, json: null };
  };
}

type FitsSchema = (document: unknown) => boolean;

/** Loads the library only for a deployment that has a schema. Evaluations read schemas in the same way. */
async function compile(schema: unknown): Promise<FitsSchema> {
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null)) {
    throw new Error('it is neither an object nor true nor false');
  }
  // Keywords of other tools, which the standard does not have, mean nothing and are no mistake.
  const options = { strict: false, validateFormats: false };
  const draft: unknown = typeof schema === 'object' ? Reflect.get(schema, '$schema') : undefined;
  if (String(draft).includes('draft-07')) {
    const { Ajv } = await import('ajv').catch(withoutAjv);
    return new Ajv(options).compile(schema);
  }
  const { Ajv2020 } = await import('ajv/dist/2020.js').catch(withoutAjv);
  return new Ajv2020(options).compile(schema);
}

function withoutAjv(error: unknown): never {
  throw new TuneloopError(
    'PACKAGE_MISSING',
    `a deployment whose answers have a JSON Schema needs the package ajv: npm install ajv (${firstLine(error)})`,
  );
}

function firstLine(error: unknown): string {
  return String(error).split('\n', 1).join('');
}

function documentIn(text: string, fits: FitsSchema): CheckedAnswer {
  try {
    const json: unknown = JSON.parse(text);
    return fits(json) ? { valid: true, label: null, json } : INVALID;
  } catch {
    // No JSON, or deeper than the stack, because a schema that refers to itself follows it down.
    return INVALID;
  }
}
