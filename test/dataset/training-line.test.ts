import fc from 'fast-check';
import { trainingLine } from '../../src/dataset/training-line.ts';
import { anyText } from '../storage/any-text.ts';

test('a line is the input as the user and the answer as the assistant, without instructions', () => {
  expect(trainingLine({ input: 'Where is\nmy bike?', completion: ' delivery' })).toBe(
    '{"messages":[{"role":"user","content":"Where is\\nmy bike?"},{"role":"assistant","content":" delivery"}]}',
  );
});

test('any texts give one line of JSON that holds them, but for lone surrogates', () => {
  fc.assert(
    fc.property(anyText(), anyText(), (input, completion) => {
      const line = trainingLine({ input, completion });
      expect(line).not.toMatch(/[\n\r]/);
      expect(JSON.parse(line)).toEqual({
        messages: [
          { role: 'user', content: input.toWellFormed() },
          { role: 'assistant', content: completion.toWellFormed() },
        ],
      });
    }),
  );
});

test('a line survives UTF-8, and holds no escape of a lone surrogate that a strict reader would refuse', () => {
  const line = trainingLine({ input: 'a\ud83d', completion: '\udeb2b' });
  expect(Buffer.from(line).toString('utf8')).toBe(line);
  expect(line).not.toMatch(/\\ud[89a-f]/i);
  expect(JSON.parse(line)).toMatchObject({ messages: [{ content: 'a\ufffd' }, { content: '\ufffdb' }] });
});

test('whole pairs stay as they are', () => {
  expect(trainingLine({ input: '🚲', completion: '👍🏽' })).toContain('🚲');
});
