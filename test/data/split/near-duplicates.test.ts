import { randomShares } from '@tuneloop/app/internal/shared/random';
import fc from 'fast-check';
import { canonicalText } from '../../../src/core/text/canonical-text.ts';
import {
  BANDS,
  Comparison,
  canonicalInput,
  isNear,
  LEAST_AGREEMENT,
  SIGNATURE_WORDS,
  SIMILARITY,
  Signer,
  SKETCH_WORDS,
  similarity,
  sketchAgreement,
} from '../../../src/data/split/near-duplicates.ts';
import { anyText } from '../../stores/any-text.ts';

/** Few letters, so that grams repeat and texts share some. */
const text = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\ud800', 'é'), maxLength: 40 }), anyText(40));

/** A text, and the same with some edits. */
const relatives = fc
  .tuple(
    fc.string({ maxLength: 80 }),
    fc.array(fc.record({ at: fc.nat(), length: fc.nat(3), by: fc.string({ maxLength: 3 }) }), { maxLength: 3 }),
  )
  .map(([a, edits]) => {
    const b = edits.reduce((t, { at, length, by }) => {
      const position = at % (t.length + 1);
      return t.slice(0, position) + by + t.slice(position + length);
    }, a);
    return [a, b] as const;
  });

const pair = fc.oneof(fc.tuple(text, text), relatives);

function gramsOf(t: string): Set<string> {
  return new Set(Array.from({ length: t.length - 2 }, (_, index) => t.slice(index, index + 3)));
}

function jaccard(a: string, b: string): number {
  if (a === b) return 1;
  if (a.length < 3 || b.length < 3) return 0;
  const [left, right] = [gramsOf(a), gramsOf(b)];
  const shared = [...left].filter((gram) => right.has(gram)).length;
  return shared / (left.size + right.size - shared);
}

function signatureOf(t: string): Uint32Array {
  const words = new Uint32Array(SIGNATURE_WORDS);
  new Signer().sign(t, words, 0);
  return words;
}

/** Signatures of a text and of the same with this many letters replaced. */
function signedRelatives(count: number, changes: (random: () => number) => number) {
  const random = randomShares(7);
  const letter = () => String.fromCharCode(97 + Math.floor(26 * random()));
  return Array.from({ length: count }, () => {
    const letters = Array.from({ length: 150 }, letter);
    const a = letters.join('');
    for (let left = changes(random); left > 0; left -= 1) letters[Math.floor(150 * random())] = letter();
    const b = letters.join('');
    const [left, right] = [signatureOf(a), signatureOf(b)];
    return {
      similarity: similarity(a, b),
      candidates: left.subarray(0, BANDS).some((key, band) => key === right[band]),
      agreement: sketchAgreement(
        Uint32Array.of(...left.subarray(BANDS, BANDS + SKETCH_WORDS), ...right.subarray(BANDS, BANDS + SKETCH_WORDS)),
        0,
        SKETCH_WORDS,
      ),
    };
  });
}

describe('the canonical input', () => {
  test('the canonical input is the canonical text, with every digit 0 unless figures make it up', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyText(), fc.string(), fc.string({ unit: fc.constantFrom('A', 'b', ' ', '7', '\n') })),
        (t) => {
          expect([canonicalText(t), canonicalText(t).replace(/\p{Nd}/gu, '0')]).toContain(canonicalInput(t));
        },
      ),
    );
  });

  test.each([
    ['open: 1.27, high: 1.29, low: 1.26', 'open: 1.27, high: 1.29, low: 1.26'],
    ['Order 4711 is  LATE\n', 'order 0000 is late'],
    ['order ١٢ ４', 'order 00 0'],
    ['', ''],
  ])('the canonical input of %j is %j', (t, canonical) => {
    expect(canonicalInput(t)).toBe(canonical);
  });
});

describe('similarity', () => {
  test('similarity is that of the sets of 3-grams', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(similarity(a, b)).toBe(jaccard(a, b));
      }),
    );
  });

  test('similarity of texts without grams, or of more than a million letters, is 1 or 0', () => {
    const long = 'ab'.repeat(2 ** 19 + 1);
    expect([similarity('', ''), similarity('ab', 'ab'), similarity(long, `${long.slice(1)}a`)]).toEqual([1, 1, 0]);
    expect([similarity('', 'a'), similarity('ab', 'abc'), similarity(long, long)]).toEqual([0, 0, 1]);
  });

  test('similarity is near from 0.8 on', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(isNear(a, b)).toBe(similarity(a, b) >= SIMILARITY);
      }),
      { numRuns: 1000 },
    );
    // 4 grams of 5, and 4 of 6.
    expect([isNear('abcdef', 'abcdefg'), isNear('abcdefg', 'abcdef'), isNear('abcdef', 'abcdefgh')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('similarity does not depend on earlier comparisons', () => {
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 6 }), (pairs) => {
        const comparison = new Comparison();
        for (const [a, b] of pairs) {
          comparison.load(a);
          expect(comparison.isNear(b)).toBe(isNear(a, b));
          expect(comparison.similarity(b)).toBe(similarity(a, b));
        }
      }),
    );
  });
});

describe('a signature', () => {
  test('a signature does not depend on earlier signatures, nor on where it is put', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (texts) => {
        const signer = new Signer();
        const words = new Uint32Array(texts.length * SIGNATURE_WORDS);
        for (const [row, t] of texts.entries()) signer.sign(t, words, row * SIGNATURE_WORDS);
        expect([...words]).toEqual(texts.flatMap((t) => [...signatureOf(t)]));
      }),
    );
  });

  test('a signature has keys and sketch from the set of grams alone, and a last word from the text', () => {
    const [once, thrice] = [signatureOf('abcabc'), signatureOf('abcabcabcabc')];
    expect(once.subarray(0, -1)).toEqual(thrice.subarray(0, -1));
    expect(once.at(-1)).not.toBe(thrice.at(-1));
  });

  test('a signature shares a key with 99 % of the texts at 0.8', () => {
    const pairs = signedRelatives(10_000, (random) => 4 + Math.floor(4 * random())).filter(
      (each) => each.similarity >= SIMILARITY && each.similarity < 0.85,
    );
    expect(pairs.length).toBeGreaterThan(2000);
    expect(pairs.filter(({ candidates }) => candidates).length / pairs.length).toBeGreaterThan(0.99);
    expect(pairs.filter(({ agreement }) => agreement >= LEAST_AGREEMENT).length / pairs.length).toBeGreaterThan(0.999);
  });

  test('a signature shares a key with at most 1 % of the texts at 0.3, and its sketch with hardly any', () => {
    const pairs = signedRelatives(5000, (random) => 50 + Math.floor(50 * random())).filter(
      (each) => each.similarity > 0.15 && each.similarity < 0.3,
    );
    expect(pairs.length).toBeGreaterThan(2000);
    expect(pairs.filter(({ candidates }) => candidates).length / pairs.length).toBeLessThan(0.01);
    expect(pairs.filter(({ agreement }) => agreement >= LEAST_AGREEMENT).length / pairs.length).toBeLessThan(0.001);
  });

  test('a signature of a million equal letters takes no longer than others', () => {
    expect(signatureOf('a'.repeat(1_000_000)).subarray(0, BANDS)).toEqual(signatureOf('aaa').subarray(0, BANDS));
  });
});
