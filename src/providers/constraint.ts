import type { Constraint } from '../core/evaluation/constraint.ts';
import type { ProviderProfile } from './profile.ts';

/** The fields of a request by which a provider holds the answer to a constraint. */
export function constraintFields(
  { name, constraints }: Pick<ProviderProfile, 'name' | 'constraints'>,
  constraint: Constraint | undefined,
): Record<string, unknown> {
  if (constraint === undefined) return {};
  if (constraint.kind === 'json_schema' && constraints.jsonSchema) {
    return {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: constraint.schema } },
    };
  }
  if (constraint.kind === 'labels' && constraints.labels === 'choice') {
    return { structured_outputs: { choice: constraint.labels } };
  }
  if (constraint.kind === 'labels' && constraints.labels === 'grammar') {
    return { response_format: { type: 'grammar', grammar: labelGrammar(constraint.labels) } };
  }
  // Plans refuse it: an answer that is not held would be reported as one that is.
  throw new Error(`${name} cannot hold answers to ${constraint.kind}`);
}

/** Exactly these texts, in the notation GBNF. */
function labelGrammar(labels: readonly string[]): string {
  const quoted = labels.map((label) => `"${Array.from(label, escaped).join('')}"`);
  return `root ::= ${quoted.join(' | ')}`;
}

function escaped(character: string): string {
  if (/^[A-Za-z0-9 _-]$/.test(character)) return character;
  return `\\U${(character.codePointAt(0) as number).toString(16).padStart(8, '0')}`;
}
