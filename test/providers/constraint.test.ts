import { constraintFields } from '../../src/providers/constraint.ts';

const none = { name: 'a host', constraints: { labels: 'none', jsonSchema: false } } as const;
const labels = { kind: 'labels', labels: ['refund', 'say "yes"'] } as const;

test('labels are sent as a list of choices where the provider has it', () => {
  const profile = { ...none, constraints: { labels: 'choice', jsonSchema: true } } as const;
  expect(constraintFields(profile, labels)).toEqual({ structured_outputs: { choice: ['refund', 'say "yes"'] } });
});

test('labels are sent as a grammar with every special character escaped where the provider has that', () => {
  const profile = { ...none, constraints: { labels: 'grammar', jsonSchema: true } } as const;
  const grammar = 'root ::= "refund" | "say \\U00000022yes\\U00000022"';
  expect(constraintFields(profile, labels)).toEqual({ response_format: { type: 'grammar', grammar } });
});

test('a schema is sent as the response format of the OpenAI protocol', () => {
  const profile = { ...none, constraints: { labels: 'none', jsonSchema: true } } as const;
  const schema = { type: 'object' };
  expect(constraintFields(profile, { kind: 'json_schema', schema })).toEqual({
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
  });
});

test('a request is never sent without the constraint that it was to have', () => {
  expect(() => constraintFields(none, labels)).toThrow('a host cannot hold answers to labels');
  expect(constraintFields(none, undefined)).toEqual({});
});
