import { readTrainingFile } from '../../packages/local-trainer/src/jobs/training-file.ts';
import { validateFile } from '../../packages/local-trainer/src/jobs/validation.ts';
import { jsonl, labelled } from './sample-data.ts';

const good = jsonl(labelled(1));
const bad = (line: string) => validateFile(Buffer.from(`${good}\n${line}\n`), 'training');
const messages = (...list: unknown[]) => JSON.stringify({ messages: list });
const user = { role: 'user', content: 'hi' };

test.each([
  ['bad JSON', '{"messages": [', 'not valid JSON'],
  ['no object', '[1]', 'not a JSON object'],
  ['an extra key', JSON.stringify({ messages: [user], id: 1 }), "unexpected key 'id'"],
  ['no messages', '{}', "'messages' must be a list"],
  ['no assistant', messages(user), 'the last message must be from the assistant'],
  ['an assistant that is not to be learnt', messages(user, { role: 'assistant', content: 'x', weight: 0 }), 'weight 1'],
  ['a wrong role', messages({ role: 'bot', content: 'x' }), 'has the role "bot"'],
  ['a wrong weight', messages(user, { role: 'assistant', content: 'x', weight: 2 }), 'weight must be 0 or 1'],
  [
    'content that is no text',
    messages(user, { role: 'assistant', content: 4 }),
    'messages[1].content must be a string',
  ],
])('a line with %s is refused by its number', (_case, line, reason) => {
  expect(bad(line)).toEqual({
    kind: 'invalid',
    code: 'invalid_file_format',
    message: expect.stringMatching(/^Invalid file format\. Line 2: /),
  });
  expect(bad(line)).toHaveProperty('message', expect.stringContaining(reason));
});

test('bytes that are not UTF-8 are refused by the line', () => {
  expect(validateFile(Buffer.from([0xff, 0xfe, 0x0a]), 'training')).toHaveProperty(
    'message',
    expect.stringContaining('Line 1'),
  );
});

test('ten examples are the fewest, blank lines do not count', () => {
  expect(validateFile(Buffer.from(`${jsonl(labelled(9))}\n\n\n`), 'training')).toEqual({
    kind: 'invalid',
    code: 'invalid_n_examples',
    message: 'Training file has 9 example(s), but must have at least 10 examples',
  });
  expect(validateFile(Buffer.from(jsonl(labelled(10))), 'training')).toMatchObject({ kind: 'valid', examples: 10 });
});

test('a line separator of Unicode inside a string does not end the line', () => {
  const line = messages({ role: 'user', content: 'a\u2028b' }, { role: 'assistant', content: 'c' });
  expect([...readTrainingFile(Buffer.from(line))]).toMatchObject([{ input: 'a\u2028b', completion: 'c' }]);
});
