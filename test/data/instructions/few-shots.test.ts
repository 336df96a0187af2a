import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import { renderPrompt, treatPrompt } from '../../../packages/app/src/prompt/prompt-template.ts';
import { mineTemplate } from '../../../src/data/instructions/template-mining.ts';
import { strip } from './single-slot.ts';

const NOUNS = ['bike', 'lock', 'light', 'saddle', 'pedal', 'chain', 'brake', 'tyre', 'bell', 'basket'];
const VERBS = ['repair', 'return', 'exchange', 'find', 'paint', 'borrow'];
const LABELS = ['sales', 'workshop', 'desk'];

/** Different short texts of a made-up shop. */
const textOf = (index: number) => `${NOUNS[index % 10]} ${VERBS[index % 6]} ${(index * 7919) % 100_003}`;
const INPUTS = Array.from({ length: 40 }, (_, index) =>
  index % 4 ? textOf(index) : `${textOf(index)}\nand ${textOf(index + 1)}`,
);
const TASK = 'Name the team that should look after the message.';

/** As many examples as a prompt gets, all different. */
function shotsOf(prompt: number, make: (text: string, label: string) => string, fewest = 1): string[] {
  return Array.from({ length: fewest + (prompt % 4) }, (_, shot) => {
    const index = 1000 + prompt * 10 + shot;
    return make(textOf(index), LABELS[index % 3] ?? '');
  });
}

const legacy = (content: string): Message[] => [{ role: 'user', content }];

type Shape = [name: string, make: (input: string, prompt: number) => Message[], without: (input: string) => string];

const SHAPES: Shape[] = [
  [
    'labels, and blank lines between them',
    (input, prompt) => {
      const shots = shotsOf(prompt, (text, label) => `Message: ${text}\nTeam: ${label}\n\n`);
      return legacy(`${TASK}\n\n${shots.join('')}Message: ${input}\nTeam:`);
    },
    (input) => `${TASK}\n\nMessage: ${input}\nTeam:`,
  ],
  [
    'none in some prompts',
    (input, prompt) => {
      const shots = shotsOf(prompt, (text, label) => `Message: ${text}\nTeam: ${label}\n\n`, 0);
      return legacy(`${TASK}\n\n${shots.join('')}Message: ${input}\nTeam:`);
    },
    (input) => `${TASK}\n\nMessage: ${input}\nTeam:`,
  ],
  [
    'a rule between them',
    (input, prompt) => {
      const shots = shotsOf(prompt, (text, label) => `Q: ${text}\nA: ${label}\n---\n`);
      return legacy(`${TASK}\n---\n${shots.join('')}Q: ${input}\nA:`);
    },
    (input) => `${TASK}\n---\nQ: ${input}\nA:`,
  ],
  [
    'tags',
    (input, prompt) => {
      const shots = shotsOf(
        prompt,
        (text, label) => `<example>\n<mail>${text}</mail>\n<team>${label}</team>\n</example>\n`,
      );
      return legacy(`${TASK}\n\n${shots.join('')}\n<mail>${input}</mail>\n<team>`);
    },
    (input) => `${TASK}\n\n<mail>${input}</mail>\n<team>`,
  ],
  [
    'a list under a heading',
    (input, prompt) => {
      const shots = shotsOf(prompt, (text, label) => `- ${text}: ${label}\n`);
      return legacy(`${TASK}\n\nExamples:\n${shots.join('')}\nNow do the same for this message:\n${input}\n\nTeam:`);
    },
    (input) => `${TASK}\n\nNow do the same for this message:\n${input}\n\nTeam:`,
  ],
];

describe('examples that differ between prompts are a slot of their own', () => {
  test.each(SHAPES)('%s', (_name, make, without) => {
    const prompts = INPUTS.map(make);
    const template = mineTemplate(prompts);
    expect(template.versions).toMatchObject([{ slots: [{ kind: 'few-shots' }, { kind: 'input' }], rows: 40 }]);
    prompts.forEach((prompt, index) => {
      const stripped = strip(template, prompt);
      const input = INPUTS[index] ?? '';
      expect(stripped.input).toBe(input);
      expect(renderPrompt(template, stripped.version, stripped.slots)).toEqual(prompt);
      expect(treatPrompt(template, stripped, 'drop-few-shots')).toEqual(legacy(without(input)));
    });
  });

  test('an arrow on each line', () => {
    const inputs = INPUTS.map((input) => input.replace('\n', ' '));
    const prompts = inputs.map((input, prompt) => {
      const shots = shotsOf(prompt, (text, label) => `${text} -> ${label}\n`);
      return legacy(`${TASK}\n\n${shots.join('')}${input} ->`);
    });
    const template = mineTemplate(prompts);
    expect(template.versions[0]?.slots.map(({ kind }) => kind)).toEqual(['few-shots', 'input']);
    expect(prompts.map((prompt) => strip(template, prompt).input)).toEqual(inputs);
  });

  test('several labels in each example', () => {
    const prompts = INPUTS.map((input, prompt) => {
      const shots = shotsOf(
        prompt,
        (text, label) => `Shop: ${NOUNS[text.length % 10]}\nMail: ${text}\nTeam: ${label}\n\n`,
      );
      return legacy(`${TASK}\n\n${shots.join('')}Shop: ${NOUNS[prompt % 7]}\nMail: ${input}\nTeam:`);
    });
    const template = mineTemplate(prompts);
    expect(template.versions[0]?.slots).toEqual([
      { name: 'examples', kind: 'few-shots' },
      { name: 'shop', kind: 'input' },
      { name: 'mail', kind: 'input' },
    ]);
    expect(strip(template, prompts[3] ?? []).input).toBe(`Shop: saddle\nMail: ${INPUTS[3]}`);
  });

  test('pairs of messages out of a pool', () => {
    const prompts = INPUTS.map((input, prompt): Message[] => [
      { role: 'system', content: TASK },
      ...[0, 1].flatMap((shot): Message[] => {
        const index = (prompt * 7 + shot * 3) % 12;
        return [
          { role: 'user', content: textOf(index) },
          { role: 'assistant', content: LABELS[index % 3] ?? '' },
        ];
      }),
      { role: 'user', content: input },
    ]);
    const template = mineTemplate(prompts);
    expect(template.versions).toMatchObject([{ rows: 40 }]);
    prompts.forEach((prompt, index) => {
      const stripped = strip(template, prompt);
      expect(stripped.input).toBe(INPUTS[index]);
      expect(renderPrompt(template, stripped.version, stripped.slots)).toEqual(prompt);
      expect(treatPrompt(template, stripped, 'drop-few-shots')).toEqual([
        { role: 'system', content: TASK },
        { role: 'user', content: INPUTS[index] },
      ]);
    });
  });
});

describe('text that only looks like examples stays on the input', () => {
  const turns = (prompt: number) =>
    Array.from({ length: 1 + (prompt % 3) }, (_, turn) => [
      `Customer: ${textOf(prompt * 50 + turn)}`,
      `Agent: we will ${textOf(prompt * 50 + turn + 20)}`,
    ]).flat();

  test.each([
    ['a conversation', '\n'],
    ['a conversation with blank lines', '\n\n'],
  ])('%s', (_name, gap) => {
    const inputs = INPUTS.map((_, prompt) => [...turns(prompt), `Customer: ${textOf(prompt)}`].join(gap));
    const prompts = inputs.map((input) =>
      legacy(`Go on with this talk as a polite agent would.\n\n${input}${gap}Agent:`),
    );
    const template = mineTemplate(prompts);
    expect(template.versions[0]?.slots).toEqual([{ name: 'input', kind: 'input' }]);
    expect(prompts.map((prompt) => strip(template, prompt).input)).toEqual(inputs);
  });

  test('a context before a question', () => {
    const prompts = INPUTS.map((input, prompt) => {
      return legacy(
        `Answer from the context alone.\n\nContext:\n${turns(prompt).join('\n\n')}\n\nQuestion: ${input}\nAnswer:`,
      );
    });
    const template = mineTemplate(prompts);
    const [first = []] = prompts;
    expect(strip(template, first).input).toContain('Customer:');
    expect(template.versions[0]?.slots.map(({ kind }) => kind)).not.toContain('few-shots');
  });
});
