import { bleu } from '../../src/scoring/metrics/bleu.ts';

const words = (text: string) => text.split(' ');

// sacrebleu 2.6.0: BLEU(smooth_method='add-k', smooth_value=1, max_ngram_order=min(4, words), tokenize='none',
// effective_order=True).sentence_score(answer, references).score / 100
test.each([
  ['the parcel arrived two days late', ['the parcel came two days late'], 0.48549177170732355],
  ['the parcel arrived two days late', ['it came two days late', 'the parcel arrived late'], 0.5946035575013604],
  ['the the the the the the the', ['the cat is on the mat', 'there is a cat on the mat'], 0.1920561263749893],
  ['we will send a new one', ['we will send you a new one today free of charge'], 0.25841364086202673],
  ['a b', ['a c'], 0.5],
  ['refund', ['refund issued'], 0.3678794411714425],
  ['a b c d e f g h', ['a b x d e f y h', 'b c d z'], 0.46530242955104967],
  ['one two three four', ['four three two one'], 0.45180100180492266],
  ['a b c d', ['a b c d e f', 'x y'], 1],
])('"%s" against %j has the score of sacrebleu', (answer, references, expected) => {
  expect(bleu(words(answer), references.map(words))).toBeCloseTo(expected, 12);
  expect(bleu(words(answer), references.toReversed().map(words))).toBeCloseTo(expected, 12);
});

test('an answer without a word of a reference scores 0', () => {
  expect(bleu(words('x y z'), [words('a b c')])).toBe(0);
  expect(bleu([], [words('a b c')])).toBe(0);
  expect(bleu(words('a b c'), [])).toBe(0);
});
