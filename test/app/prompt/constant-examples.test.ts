import fc from 'fast-check';
import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import { withoutExamples, withoutHeading } from '../../../packages/app/src/prompt/constant-examples.ts';
import { treatPrompt } from '../../../packages/app/src/prompt/prompt-template.ts';
import { parseTemplates } from '../../../src/data/instructions/explicit-template.ts';

const TASK = 'Name the team.';
const PAIRS = 'Mail: the bell is loud\nTeam: workshop\n\nMail: how much is it\nTeam: sales';

const SHAPES: [name: string, prompt: string, without: string][] = [
  ['labelled pairs', `${TASK}\n\n${PAIRS}\n\nMail: {{mail}}\nTeam:`, `${TASK}\n\nMail: {{mail}}\nTeam:`],
  [
    'pairs under a heading',
    `${TASK}\n\nExamples:\n\n${PAIRS}\n\nMail: {{mail}}\nTeam:`,
    `${TASK}\n\nMail: {{mail}}\nTeam:`,
  ],
  ['pairs and nothing else', `${PAIRS}\n\nMail: {{mail}}\nTeam:`, 'Mail: {{mail}}\nTeam:'],
  ['pairs without blank lines', `${TASK}\nQ: a\nA: b\nQ: c\nA: d\nQ: {{q}}\nA:`, `${TASK}\nQ: {{q}}\nA:`],
  ['lines with an arrow', `${TASK}\n\nbell -> workshop\nprice -> sales\n{{mail}} ->`, `${TASK}\n{{mail}} ->`],
  [
    'a list under a heading',
    `${TASK}\n\nExamples:\n- bell: workshop\n- price: sales\n\n{{mail}}`,
    `${TASK}\n\n{{mail}}`,
  ],
  ['tags', `${TASK}\n<examples>\nbell: workshop\n</examples>\n\n{{mail}}`, `${TASK}\n\n{{mail}}`],
];

const user = (content: string): Message => ({ role: 'user', content });

describe('drop-few-shots leaves instructions without their examples', () => {
  const treated = (text: string | Message[]) =>
    treatPrompt(parseTemplates([text]), { version: 0, slots: ['hello'], input: 'hello' }, 'drop-few-shots');

  test.each(SHAPES)('%s', (_name, prompt, without) => {
    expect(treated(prompt)).toEqual([user(without.replace(/\{\{\w+\}\}/, 'hello'))]);
  });

  test('in a system message', () => {
    const system: Message = { role: 'system', content: `${TASK}\n\nExamples:\n\n${PAIRS}` };
    expect(treated([system, user('{{mail}}')])).toEqual([{ role: 'system', content: TASK }, user('hello')]);
  });

  test('as messages', () => {
    const shots: Message[] = [user('the bell is loud'), { role: 'assistant', content: 'workshop' }];
    const system: Message = { role: 'system', content: TASK };
    expect(treated([system, ...shots, ...shots, user('{{mail}}')])).toEqual([system, user('hello')]);
  });

  test.each([
    ['instructions alone', 'Name the team.\n\nRules:\n1. One word.\n2. In English.\n\nMail: {{mail}}\nTeam:'],
    ['lists', 'Choose one:\n- sales\n- workshop\n\nMail: {{mail}}\nTeam:'],
    ['a word such as examples', 'For example, a loud bell is for the workshop.\n\n{{mail}}'],
    ['a single field', 'Team: one word\nReason: one line\n\nMail: {{mail}}\nTeam:'],
  ])('%s stay as they are', (_name, prompt) => {
    expect(treated(prompt)).toEqual([user(prompt.replace('{{mail}}', 'hello'))]);
  });
});

test('dropping examples leaves the rest of any text in it, in order', () => {
  const line = fc.constantFrom(
    'Examples:',
    'Mail: a',
    'Team: b',
    '',
    '- a: b',
    'a -> b',
    '<example>',
    '</example>',
    'Do it.',
  );
  const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, fc.option(text, { nil: undefined }), (before, after) => {
      for (const rest of [withoutExamples(before, after), withoutHeading(before)]) {
        let from = 0;
        for (const sign of rest) from = before.indexOf(sign, from) + 1 || Number.NaN;
        expect(from).not.toBeNaN();
      }
    }),
    { numRuns: 500 },
  );
});
