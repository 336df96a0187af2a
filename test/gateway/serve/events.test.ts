import fc from 'fast-check';
import { type Exchange, recordOf } from '../../../packages/app/src/capture/record.ts';
import { asEvents } from '../../../src/gateway/serve/events.ts';

const completions = fc.record({
  id: fc.string({ minLength: 1 }),
  created: fc.nat(),
  model: fc.string({ unit: 'grapheme', minLength: 1 }),
  choices: fc.tuple(
    fc.record({
      index: fc.constant(0),
      message: fc.record({
        role: fc.constant('assistant'),
        content: fc.option(fc.string({ unit: 'binary', minLength: 1 })),
        refusal: fc.option(fc.string({ unit: 'binary', minLength: 1 })),
      }),
      finish_reason: fc.constantFrom('stop', 'length', 'content_filter'),
    }),
  ),
  usage: fc.record({ prompt_tokens: fc.nat(), completion_tokens: fc.nat() }),
});

test('the events of a completion have the same content as the completion', () => {
  fc.assert(
    fc.property(completions, fc.boolean(), (completion, includeUsage) => {
      const line = (response: string, streamed: boolean) =>
        recordOf({ ...exchange, response, streamed }) ?? { usage: undefined };
      const { usage, ...whole } = line(JSON.stringify(completion), false);
      const { usage: streamedUsage, ...streamed } = line(asEvents(completion, includeUsage), true);
      expect(whole).toHaveProperty('id', completion.id);
      expect(streamed).toEqual(whole);
      expect(streamedUsage).toEqual(includeUsage ? usage : null);
    }),
  );
});

const exchange: Omit<Exchange, 'response' | 'streamed'> = {
  endpoint: 'chat/completions',
  request: '{}',
  startedAt: new Date(0),
  latencyMs: 1,
};
