import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import { renderPrompt, stripInstructions, treatPrompt } from '../../../packages/app/src/prompt/prompt-template.ts';
import { parseTemplates } from '../../../src/data/instructions/explicit-template.ts';

const user = (content: string): Message => ({ role: 'user', content });

test('a text is a message of the user, with a slot for each {{name}}', () => {
  expect(parseTemplates(['Sort.\nName: {{name}}\nMail: {{ mail }}\nTeam:'])).toEqual({
    versions: [
      {
        messages: [{ role: 'user', parts: ['Sort.\nName: ', { slot: 0 }, '\nMail: ', { slot: 1 }, '\nTeam:'] }],
        slots: [
          { name: 'name', kind: 'input' },
          { name: 'mail', kind: 'input' },
        ],
        rows: 0,
      },
    ],
  });
});

test('messages keep their roles, and slots may stand in several of them', () => {
  const template = parseTemplates([
    [
      { role: 'system', content: 'Today is {{date}}.' },
      { role: 'user', content: '{{mail}}' },
    ],
  ]);
  const prompt: Message[] = [{ role: 'system', content: 'Today is Monday.' }, user('hello {{mail}}')];
  const stripped = stripInstructions(template, prompt);
  expect(stripped).toEqual({ version: 0, slots: ['Monday', 'hello {{mail}}'], input: 'hello {{mail}}' });
  expect(renderPrompt(template, 0, ['Monday', 'hello {{mail}}'])).toEqual(prompt);
});

test.each([
  ['date', 'date'],
  ['Today', 'date'],
  ['timestamp', 'date'],
  ['id', 'id'],
  ['ticket_id', 'id'],
  ['ticket-id', 'id'],
  ['examples', 'few-shots'],
  ['few_shots', 'few-shots'],
  ['paid', 'input'],
  ['message', 'input'],
])('the name %s makes a slot of kind %s', (name, kind) => {
  expect(parseTemplates([`{{${name}}}\n\n{{the_input}}`]).versions[0]?.slots[0]).toEqual({ name, kind });
});

test('the template with the most text that fits is taken', () => {
  const template = parseTemplates(['Mail: {{mail}}', 'Mail: {{mail}}\nTeam:']);
  expect(stripInstructions(template, [user('Mail: hello\nTeam:')])).toMatchObject({ version: 1, input: 'hello' });
  expect(stripInstructions(template, [user('Mail: hello')])).toMatchObject({ version: 0, input: 'hello' });
});

test('a prompt that no template fits is a mismatch, however similar it is', () => {
  const template = parseTemplates(['Mail: {{mail}}\n']);
  expect(stripInstructions(template, [user('Mail: hello')])).toHaveProperty('mismatch');
  expect(stripInstructions(template, [user('mail: hello\n')])).toHaveProperty('mismatch');
});

test('given examples are dropped by name', () => {
  const template = parseTemplates(['Sort.\n\nExamples:\n{{examples}}\n\nMail: {{mail}}']);
  const stripped = { version: 0, slots: ['a: b', 'hello'], input: 'hello' };
  expect(treatPrompt(template, stripped, 'drop-few-shots')).toEqual([user('Sort.\n\nMail: hello')]);
  expect(treatPrompt(template, stripped, 'strip')).toEqual([user('hello')]);
  expect(treatPrompt(template, stripped, 'keep-instructions')).toEqual([
    user('Sort.\n\nExamples:\na: b\n\nMail: hello'),
  ]);
});

test.each([
  ['has no slot', 'Sort this.', /templates\[1\] has no slot: write \{\{name\}\}/],
  ['has a slot twice', '{{a}} and {{a}}', /templates\[1\] has \{\{a\}\} twice/],
  ['has slots that touch', 'Mail: {{a}}{{b}}', /templates\[1\] has \{\{a\}\} and \{\{b\}\} without text between them/],
  ['has no input', 'On {{date}}: {{id}}', /templates\[1\] has no slot for an input, only \{\{date\}\}, \{\{id\}\}/],
  ['has examples twice', '{{examples}} or {{few_shots}}: {{a}}', /templates\[1\] has two slots of examples/],
  ['is there twice', 'Mail: {{mail}}', /templates\[1\] is the same as clean\.instructions\.templates\[0\]/],
])('a template that %s is refused', (_name, text, message) => {
  expect(() => parseTemplates(['Mail: {{mail}}', text])).toThrow(
    expect.objectContaining({ code: 'PIPELINE_INVALID', message: expect.stringMatching(message) }),
  );
});

test('slots of two messages do not touch', () => {
  expect(parseTemplates([[user('{{a}}'), user('{{b}}')]]).versions[0]?.slots).toHaveLength(2);
});

test('an empty list of templates is refused', () => {
  expect(() => parseTemplates([])).toThrow(expect.objectContaining({ code: 'PIPELINE_INVALID' }));
});
