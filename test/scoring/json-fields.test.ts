import fc from 'fast-check';
import { type Json, jsonFieldsF1 } from '../../src/scoring/json-fields.ts';

const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);

test('a document has all fields of itself', () => {
  fc.assert(fc.property(json, (document) => expect(jsonFieldsF1(document, document)).toBe(1)));
});

test('a score is from 0 to 1, and the same the other way round', () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      const score = jsonFieldsF1(a, b);
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
      expect(jsonFieldsF1(b, a)).toBe(score);
    }),
  );
});

test.each<[rule: string, answer: Json, reference: Json, score: number]>([
  ['a field is a path to a value', { a: 1, b: { c: 2, d: 3 } }, { a: 1, b: { c: 2, d: 4 } }, 2 / 3],
  ['a field too many costs precision', { a: 1, b: 2 }, { a: 1 }, 2 / 3],
  ['a field too few costs recall', { a: 1 }, { a: 1, b: 2, c: 3 }, 2 / 4],
  ['the order of keys does not count', { b: 2, a: 1 }, { a: 1, b: 2 }, 1],
  ['the order of a list does', ['a', 'b'], ['b', 'a'], 0],
  ['a list is no object', ['a'], { 0: 'a' }, 0],
  ['an empty object is a field', { a: {}, b: 1 }, { a: {}, b: 1 }, 1],
  ['an empty object is no empty list', { a: {} }, { a: [] }, 0],
  ['null is a value', { a: null }, { a: null }, 1],
  ['null is no object', { a: null }, { a: {} }, 0],
  ['a text is no number', { a: '1' }, { a: 1 }, 0],
  ['a value is no object', { a: 1 }, { a: { b: 1 } }, 0],
  ['documents may be values', 'refund', 'refund', 1],
])('%s', (_rule, answer, reference, score) => {
  expect(jsonFieldsF1(answer, reference)).toBeCloseTo(score, 12);
});

test('keys that objects inherit are ordinary keys', () => {
  const document: Json = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
  expect(jsonFieldsF1(document, document)).toBe(1);
  expect(jsonFieldsF1(document, {})).toBe(0);
});

test('a document may be nested deeper than the stack', () => {
  const deep: Json = JSON.parse(`${'{"a":['.repeat(100_000)}1${']}'.repeat(100_000)}`);
  expect(jsonFieldsF1(deep, deep)).toBe(1);
});
