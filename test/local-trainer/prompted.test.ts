import { answerFromPrompt, NOTHING_TO_GO_BY } from '../../packages/local-trainer/src/ngram/prompted.ts';

const ask = (...contents: [role: string, content: string][]) =>
  answerFromPrompt(
    'local-base',
    contents.map(([role, content]) => ({ role, content })),
  );

const EXAMPLES: readonly [form: string, prompt: string][] = [
  ['Input: / Answer:', 'Input: my invoice is wrong\nAnswer: billing\n\nInput: the app crashes\nAnswer: technical'],
  ['Q: / A:', 'Q: my invoice is wrong\nA: billing\n\nQ: the app crashes\nA: technical'],
  ['Message: / Label:', 'Message: my invoice is wrong\nLabel: billing\nMessage: the app crashes\nLabel: technical'],
  ['arrows', '"my invoice is wrong" -> billing\n"the app crashes" -> technical'],
  ['tags', '<in>my invoice is wrong</in><out>billing</out>\n<in>the app crashes</in><out>technical</out>'],
  ['names of its own', 'Wish: my invoice is wrong\nDesk: billing\nWish: the app crashes\nDesk: technical'],
];

test.each(EXAMPLES)('examples as %s are read from the system message', (_form, prompt) => {
  expect(ask(['system', prompt], ['user', 'it crashes when the app opens'])).toBe('technical');
});

test('a list of classes is enough: the nearest name answers', () => {
  const bullets =
    'Answer with one class.\n\nRules:\n1. Be brief.\n2. Never explain.\n\nClasses:\n- card_lost\n- change_pin: a new PIN';
  expect(ask(['system', bullets], ['user', 'I want to change my pin'])).toBe('change_pin');
  expect(ask(['system', 'Labels: billing, sales or support.'], ['user', 'I need support'])).toBe('support');
});

test('a single prompt with the input at its end works like a system message', () => {
  const prompt =
    'Pick the label.\n\nMessage: invoice wrong\nLabel: billing\n\nMessage: app crashes\nLabel: technical\n\n';
  expect(ask(['user', `${prompt}Message: another invoice\nLabel:`])).toBe('billing');
});

test('earlier turns are examples', () => {
  expect(
    ask(['user', 'hello'], ['assistant', 'hallo'], ['user', 'bye'], ['assistant', 'ciao'], ['user', 'bye now']),
  ).toBe('ciao');
});

test('a generated answer copies the new values', () => {
  const prompt = 'Input: name[Cotto], food[thai]\nAnswer: Cotto cooks thai.';
  expect(ask(['system', prompt], ['user', 'name[The Mill], food[greek]'])).toBe('The Mill cooks greek.');
});

test('without classes or examples the answer says so', () => {
  expect(ask(['system', 'You are kind.'], ['user', 'Tell me a joke'])).toBe(NOTHING_TO_GO_BY);
});
