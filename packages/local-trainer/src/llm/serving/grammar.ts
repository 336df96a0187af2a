import { invalid } from '@tuneloop/app/internal/shared/api-error';
import type { Constraint } from '../../engine.ts';
import { readableSchema } from './json-schema.ts';
import type { Grammar, Llama } from './llama-types.ts';

/**
 * The grammar that an answer is held to.
 *
 * @throws ApiError 400 for a schema that it cannot be held to
 */
export async function grammarOf(llama: Llama, constraint: Constraint): Promise<Grammar> {
  if (constraint.kind === 'choice') return llama.createGrammar({ grammar: choiceGrammar(constraint.choices) });
  if (constraint.kind === 'json') return llama.getGrammarFor('json');
  const schema = readableSchema(constraint.schema);
  try {
    return await llama.createGrammarForJsonSchema(schema);
  } catch (error) {
    throw invalid('response_format', `Invalid 'response_format.json_schema.schema': ${(error as Error).message}`);
  }
}

/** The grammar, in llama.cpp's notation GBNF, of exactly these texts. */
export function choiceGrammar(choices: readonly string[]): string {
  return `root ::= ${choices.map((choice) => `"${escaped(choice)}"`).join(' | ')}`;
}

function escaped(text: string): string {
  return Array.from(text, (character) => {
    if (/^[A-Za-z0-9 _-]$/.test(character)) return character;
    return `\\U${(character.codePointAt(0) as number).toString(16).padStart(8, '0')}`;
  }).join('');
}
