import { readFile } from 'node:fs/promises';
import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { TuneloopError } from '../errors.ts';
import type { Json } from './json-fields.ts';

/**
 * Reads a JSON Schema and decides which documents fit it. A schema follows draft 2020-12 unless its `$schema` names draft-07. `format` is
 * not checked, and nothing is fetched.
 *
 * @param file absolute path.
 * @throws TuneloopError PIPELINE_INVALID where it cannot be read or is no such schema.
 */
export async function openJsonSchema(file: string): Promise<(document: Json) => boolean> {
  let validate: ValidateFunction;
  try {
    validate = compile(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TuneloopError(
      'PIPELINE_INVALID',
      `evaluation.json_schema: ${file} cannot be used: ${reason}. It must be a JSON Schema of draft 2020-12 or draft-07`,
    );
  }
  return (document) => {
    try {
      return validate(document);
    } catch {
      // A schema that refers to itself follows an answer as deep as the answer goes, which may be deeper than the stack.
      return false;
    }
  };
}

function compile(schema: AnySchema): ValidateFunction {
  // Keywords of other tools, which the standard does not have, mean nothing and are no mistake.
  const options = { strict: false, validateFormats: false };
  const draft7 = typeof schema === 'object' && String(schema.$schema).includes('draft-07');
  return (draft7 ? new Ajv(options) : new Ajv2020(options)).compile(schema);
}
