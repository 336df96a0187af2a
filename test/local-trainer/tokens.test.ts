import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { chatTokens, textTokens, truncated } from '../../packages/local-trainer/src/tokens.ts';

const plain = { disallowedSpecial: new Set<string>() };

test('counting by paragraph gives the count of the whole text', () => {
  const piece = fc.constantFrom(
    'a',
    'Hello',
    ' ',
    '\n',
    '\n\n',
    '\r\n',
    '/',
    '.',
    '- item',
    '12',
    'é',
    '日本',
    '😀',
    '\t',
    ': ',
    '<|endoftext|>',
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 300, maxLength: 900 }), (pieces) => {
      const text = pieces.join('');
      return textTokens(text) === countTokens(text, plain);
    }),
    { numRuns: 60 },
  );
});

test('a chat costs its texts, four tokens a message and three for the answer', () => {
  expect(chatTokens([{ role: 'user', content: 'hello world' }])).toBe(2 + 4 + 3);
});

test('an answer over the limit is cut to as many tokens', () => {
  expect(truncated('one two three four', 2)).toEqual({ text: 'one two', tokens: 2, cut: true });
  expect(truncated('one', 2)).toEqual({ text: 'one', tokens: 1, cut: false });
});
