import { withoutThoughts } from '../../../src/core/evaluation/thoughts.ts';

test.each([
  ['thoughts in both tags', '<think>a bill, I think</think>\n\nbilling'],
  ['thoughts over several lines', '\n<think>\na bill\n\nor not?\n</think>\nbilling'],
  ['empty thoughts, as with thinking turned off', '<think>\n\n</think>\n\nbilling'],
  ['thoughts whose opening tag is in the prompt', 'a bill, I think\n</think>\n\nbilling'],
  ['an answer on the line of the closing tag', '<think>a bill</think> billing'],
])('an answer is what follows %s', (_, text) => {
  expect(withoutThoughts(text)).toEqual({ text: 'billing', endsInThoughts: false });
});

test.each([['billing'], [''], ['  two\n\nlines \n'], ['Write <think> first, then </think> and the answer.']])(
  'text without thoughts stays as it is: %j',
  (text) => {
    expect(withoutThoughts(text)).toEqual({ text, endsInThoughts: false });
  },
);

test('an answer that ends before its thoughts do is empty', () => {
  expect(withoutThoughts('<think>It may be a bill, or')).toEqual({ text: '', endsInThoughts: true });
});

test('only the first thoughts are taken off, and nothing happens to text that has none left', () => {
  const { text } = withoutThoughts('<think>one</think>\nUse <think>two</think> like this.');
  expect(text).toBe('Use <think>two</think> like this.');
  expect(withoutThoughts(text).text).toBe(text);
});
