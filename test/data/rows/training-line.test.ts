import fc from 'fast-check';
import { mineTemplate } from '../../../src/data/instructions/template-mining.ts';
import { trainingLine } from '../../../src/data/rows/training-line.ts';
import { anyText } from '../../stores/any-text.ts';

const template = mineTemplate(
  ['Where is my bike?', 'I want my money', 'Cancel it', 'Nothing works', 'Who are you?'].map((input) => [
    { role: 'system', content: 'Name the topic of the message.' },
    { role: 'user', content: `Message: ${input}` },
  ]),
);
const stripped = (input: string, completion: string) =>
  trainingLine(template, { id: 'a', line: 1, input, completion }, 'strip');

test('a line is the input as the user and the answer as the assistant, without instructions', () => {
  expect(stripped('Where is\nmy bike?', ' delivery')).toBe(
    '{"messages":[{"role":"user","content":"Where is\\nmy bike?"},{"role":"assistant","content":" delivery"}]}',
  );
});

test('a line that keeps the instructions holds the whole prompt before the answer', () => {
  const example = { id: 'a', line: 1, input: 'Hello', completion: 'greeting', version: 0 };
  expect(JSON.parse(trainingLine(template, example, 'keep-instructions'))).toEqual({
    messages: [
      { role: 'system', content: 'Name the topic of the message.' },
      { role: 'user', content: 'Message: Hello' },
      { role: 'assistant', content: 'greeting' },
    ],
  });
});

test('any texts give one line of JSON that holds them, except lone surrogates', () => {
  fc.assert(
    fc.property(anyText(), anyText(), (input, completion) => {
      const line = stripped(input, completion);
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
  const line = stripped('a\ud83d', '\udeb2b');
  expect(Buffer.from(line).toString('utf8')).toBe(line);
  expect(line).not.toMatch(/\\ud[89a-f]/i);
  expect(JSON.parse(line)).toMatchObject({ messages: [{ content: 'a\ufffd' }, { content: '\ufffdb' }] });
});

test('whole pairs stay unchanged', () => {
  expect(stripped('🚲', '👍🏽')).toContain('🚲');
});
