import { COMPLETION } from '../../../src/contract/stored/completion.ts';

const ANSWER = { text: 'billing', cut: false, promptTokens: 9, completionTokens: 1, latencyMs: 20, serverMs: 3 };

test('a stored answer may say that it was cut off inside its thoughts, and earlier ones do not', () => {
  expect(COMPLETION.is(ANSWER)).toBe(true);
  expect(COMPLETION.is({ ...ANSWER, text: '', cut: true, cutInThoughts: true })).toBe(true);
  expect(COMPLETION.is({ ...ANSWER, cutInThoughts: 'yes' })).toBe(false);
});
