import fc from 'fast-check';
import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import { stripInstructions } from '../../../packages/app/src/prompt/prompt-template.ts';
import { parseTemplates } from '../../../src/data/instructions/explicit-template.ts';
import { differenceFrom } from '../../../src/data/instructions/template-difference.ts';

const user = (content: string): Message => ({ role: 'user', content });
const template = parseTemplates([
  [{ role: 'system', content: 'Sort.' }, user('Name: {{name}}\nMail: {{mail}}\nTeam:')],
  'Sort this.\n{{mail}}',
]);
const system: Message = { role: 'system', content: 'Sort.' };

test.each<[string, Message[], string]>([
  [
    'other text',
    [{ role: 'system', content: 'Sorts.' }, user('')],
    'message 1 (system), character 5: "s." in place of "."',
  ],
  [
    'more text',
    [{ role: 'system', content: 'Sort. Now' }, user('')],
    'message 1 (system), character 6: " Now" in place of ""',
  ],
  ['text that ends', [system, user('Na')], 'message 2 (user), character 3: "" in place of "me: "'],
  [
    'text between slots that is missing',
    [system, user('Name: Ann\nTeam:')],
    'message 2 (user), character 7: "Ann\\nTeam:" in place of "\\nMail: "',
  ],
  [
    'another end',
    [system, user('Name: Ann\nMail: a\nTeam: ')],
    'message 2 (user), character 17: "a\\nTeam: " in place of "\\nTeam:"',
  ],
  [
    'text between slots twice',
    [system, user('Name: a\nMail: b\nMail: c\nTeam:')],
    'the text between two slots stands there twice, so that it is unclear where they end',
  ],
  ['another role', [system, { role: 'tool', content: 'Name: ' }], 'message 2: tool in place of user'],
  ['a message less', [system], 'message 2: nothing in place of user'],
  ['a message more', [system, user('Name: a\nMail: b\nTeam:'), user('and?')], 'message 3: user in place of nothing'],
  [
    'the version that is followed longest',
    [user('Sort thus.')],
    'message 1 (user), character 8: "us." in place of "is.\\n"',
  ],
])('%s', (_name, messages, text) => {
  expect(stripInstructions(template, messages)).toHaveProperty('mismatch');
  expect(differenceFrom(template, messages)).toBe(text);
});

test('at most a few characters are quoted', () => {
  expect(differenceFrom(template, [system, user('x'.repeat(1000))])?.length).toBeLessThan(120);
});

test('each prompt that is a mismatch has a difference', () => {
  const content = fc
    .array(fc.constantFrom('Sort.', 'Name: ', '\nMail: ', '\nTeam:', 'a'), { maxLength: 6 })
    .map((all) => all.join(''));
  const messages = fc.array(fc.record({ role: fc.constantFrom<Message['role']>('system', 'user'), content }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(messages, (prompt) => {
      if ('mismatch' in stripInstructions(template, prompt))
        expect(differenceFrom(template, prompt)).toMatch(/ in place of |twice/);
    }),
    { numRuns: 500 },
  );
});
