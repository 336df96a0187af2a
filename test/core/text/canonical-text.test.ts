import fc from 'fast-check';
import { canonicalText } from '../../../src/core/text/canonical-text.ts';
import { anyText } from '../../stores/any-text.ts';

test('the canonical form of a text is its own canonical form', () => {
  fc.assert(
    fc.property(anyText(), (text) => {
      expect(canonicalText(canonicalText(text))).toBe(canonicalText(text));
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['case', 'Where is MY bike', 'where is my bike'],
  ['white space', '  where\tis\n\nmy\u00a0bike ', 'where is my bike'],
  ['compatibility forms', 'ﬁne ① ｂｉｋｅ', 'fine 1 bike'],
  ['composition', 'cafe\u0301', 'caf\u00e9'],
  ['the sharp s', 'STRASSE', 'straße'],
  ['the two small sigmas', 'ΟΔΟΣ', 'οδοσ'],
  ['the two small sigmas in lower case', 'οδος', 'οδοσ'],
])('texts that differ by %s alone have one form', (_name, a, b) => {
  expect(canonicalText(a)).toBe(canonicalText(b));
});

test.each([
  ['a digit', 'order 1', 'order 2'],
  ['punctuation', 'cancel!', 'cancel?'],
  ['a space between words', 'now here', 'nowhere'],
])('texts that differ by %s have different forms', (_name, a, b) => {
  expect(canonicalText(a)).not.toBe(canonicalText(b));
});
