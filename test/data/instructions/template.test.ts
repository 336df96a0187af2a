import fc from 'fast-check';
import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import {
  type PromptTemplate,
  promptForInput,
  renderPrompt,
  type Slot,
  stripInstructions,
  type TemplateVersion,
} from '../../../packages/app/src/prompt/prompt-template.ts';
import { parseTemplates } from '../../../src/data/instructions/explicit-template.ts';
import { mineTemplate } from '../../../src/data/instructions/template-mining.ts';
import { anyText } from '../../stores/any-text.ts';
import { singleSlots, strip } from './single-slot.ts';

const system = (content: string): Message => ({ role: 'system', content });
const user = (content: string): Message => ({ role: 'user', content });
const legacy = (texts: readonly string[]): Message[][] => texts.map((text) => [user(text)]);
const wrap = (prefix: string, inputs: readonly string[], suffix: string): Message[][] =>
  legacy(inputs.map((input) => prefix + input + suffix));

/** Inputs that share neither a beginning nor an end. */
const VARIED = [
  'Where is my parcel',
  'money back, please!',
  'The lock (left one) is stuck',
  'I was charged twice.',
  'can you call me at 5 pm?',
  'Battery: 3 % and draining',
  'please cancel',
  '"urgent" — see photo',
  'Ich brauche Hilfe 🚲',
  'two\nlines of text',
];

function stripped(template: PromptTemplate, prompt: readonly Message[]): { input: string; version: number } {
  const { input, version } = strip(template, prompt);
  return { input, version };
}

function expectRoundTrip(prompts: readonly Message[][]): void {
  const template = mineTemplate(prompts);
  for (const prompt of prompts) {
    const { slots, version } = strip(template, prompt);
    expect(renderPrompt(template, version, slots)).toEqual(prompt);
  }
}

const LEADS: Message[][] = [
  [],
  [system('Name the topic of the message.')],
  [{ role: 'developer', content: '' }],
  [system('Name the topic.'), user('refund please'), { role: 'assistant', content: 'refund' }],
];

const SHAPES: [name: string, prefix: string, suffix: string][] = [
  ['a label', 'Name the topic.\nMessage: ', ''],
  ['a label at the very beginning', 'Message: ', ''],
  ['a line', 'Name the topic of the text below.\n', ''],
  ['a heading', '# Task\nName the topic.\n\n## Message\n', '\n\n## Topic\n'],
  ['an arrow', '', ' ->'],
  ['a rule of hashes', '', '\n\n###\n\n'],
  ['a label on the next line', '', '\nAnswer:'],
  ['a label on the same line', 'Text: ', ' Answer:'],
  ['question and answer', 'Q: ', '\nA:'],
  ['quotes', 'Message: "', '"'],
  ['single quotes', "Topic of '", "'"],
  ['triple quotes', 'Message:\n"""', '"""'],
  ['triple quotes on lines of their own', 'Message:\n"""\n', '\n"""\nTopic:'],
  ['backticks', 'Message: ```', '```'],
  ['a tag', 'Name the topic. <message>', '</message>'],
  ['a tag on lines of its own', '<message>\n', '\n</message>\n'],
  ['a bracketed tag', '[INPUT]', '[/INPUT]'],
  ['double brackets', 'Topic of [[', ']]'],
  ['double braces', 'Topic of {{', '}}'],
  ['angle quotes', 'Topic of <<<', '>>>'],
  ['prose before', 'Name the topic of this message ', ''],
  ['prose after', '', ' Answer with one word only'],
  ['prose on both sides', 'Tell me whether the text ', ' is about a refund or not'],
];

describe('a template with one slot is recovered exactly from ten prompts', () => {
  test.each(SHAPES)('%s', (_name, prefix, suffix) => {
    const template = mineTemplate(wrap(prefix, VARIED, suffix));
    expect(singleSlots(template)).toEqual([{ lead: [], role: 'user', prefix, suffix, rows: 10 }]);
  });

  test('a template with one slot is recovered whatever the inputs hold between their first and last letters', () => {
    const middles = fc.array(anyText(), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(fc.constantFrom(...SHAPES), fc.constantFrom(...LEADS), middles, ([, prefix, suffix], lead, texts) => {
        const inputs = texts.map((text, index) => `${'abcdefghij'[index]}${text}${'qrstuvwxyz'[index]}`);
        const prompts = inputs.map((input) => [...lead, user(prefix + input + suffix)]);
        const template = mineTemplate(prompts);
        expect(singleSlots(template)).toEqual([{ lead, role: 'user', prefix, suffix, rows: 10 }]);
        expect(prompts.map((prompt) => stripped(template, prompt).input)).toEqual(inputs);
      }),
    );
  });

  test('a template with one slot is recovered even where inputs hold the text of the prefix and of the suffix', () => {
    const [prefix, suffix] = ['Name the topic.\nMessage: ', '\nAnswer:'];
    const inputs = VARIED.map((text, index) =>
      index % 2 ? `${prefix}${text}${suffix}` : `${text}${suffix} ${prefix}!`,
    );
    const prompts = wrap(prefix, [...VARIED, ...inputs, '', suffix, prefix], suffix);
    const template = mineTemplate(prompts);
    expect(singleSlots(template)).toMatchObject([{ prefix, suffix }]);
    expect(prompts.map((prompt) => stripped(template, prompt).input)).toEqual([
      ...VARIED,
      ...inputs,
      '',
      suffix,
      prefix,
    ]);
  });
});

describe('stripping then rendering gives a prompt back, byte for byte', () => {
  const text = fc.oneof(anyText(), fc.constantFrom('', ' ', '\n', '"', 'I ', '?', '\r\n'));
  const affix = fc.oneof(text, fc.constantFrom(...SHAPES.flatMap(([, prefix, suffix]) => [prefix, suffix])));
  const role = fc.constantFrom<Message['role']>('system', 'developer', 'user', 'assistant', 'tool');
  const lead = fc.oneof(
    fc.constantFrom(...LEADS),
    fc.array<Message>(fc.record({ role, content: text }), { maxLength: 3 }),
  );

  test('stripping then rendering gives a prompt back for any inputs between any prefix and suffix after any leading messages', () => {
    const inputs = fc.array(text, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lead, role, affix, affix, inputs, (messages, lastRole, prefix, suffix, texts) => {
        expectRoundTrip(texts.map((input) => [...messages, { role: lastRole, content: prefix + input + suffix }]));
      }),
      { numRuns: 300 },
    );
  });

  test('stripping then rendering gives a prompt back for a template that was stored as JSON', () => {
    fc.assert(
      fc.property(affix, affix, fc.array(text, { minLength: 2, maxLength: 10 }), (prefix, suffix, texts) => {
        const prompts = wrap(prefix, texts, suffix);
        const template = JSON.parse(JSON.stringify(mineTemplate(prompts))) as PromptTemplate;
        for (const prompt of prompts) {
          const { slots, version } = strip(template, prompt);
          expect(renderPrompt(template, version, slots)).toEqual(prompt);
        }
      }),
    );
  });

  test('a template gives any prompt back or names a mismatch', () => {
    const message: fc.Arbitrary<Message> = fc.record({ role, content: affix });
    const logged = fc.array(fc.array(message, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
    const any = fc.array(fc.array(message, { maxLength: 3 }));
    fc.assert(
      fc.property(logged, any, (known, others) => {
        const template = mineTemplate([...known, ...known]);
        for (const messages of [...known, ...others]) {
          const result = stripInstructions(template, messages);
          if ('mismatch' in result) expect(result.mismatch).not.toBe('');
          else expect(renderPrompt(template, result.version, result.slots)).toEqual(messages);
        }
      }),
    );
  });
});

describe('text that inputs share by chance is left on them', () => {
  test.each([
    ['begin with name[ and end with ]', VARIED.map((text) => `name[${text}]`)],
    ['end with a question mark', VARIED.map((text) => `${text}?`)],
    ['begin with I', VARIED.map((text) => `I ${text}`)],
    ['begin with the same three words', VARIED.map((text) => `I want my ${text}`)],
    ['begin with the same word in brackets', VARIED.map((text) => `(urgent) ${text}`)],
    ['end with the same word', VARIED.map((text) => `${text} please`)],
  ])('bare inputs that all %s are left whole', (_name, inputs) => {
    const template = mineTemplate(legacy(inputs));
    expect(singleSlots(template)).toEqual([{ lead: [], role: 'user', prefix: '', suffix: '', rows: 10 }]);
    expect(inputs.map((input) => stripped(template, [user(input)]).input)).toEqual(inputs);
  });

  test.each([
    ['after a label', 'Message: ', '', 'I '],
    ['after a line', 'Name the topic of this.\n', '', 'Hi, my '],
    ['after a label, half a word', 'Message: ', '', 'un'],
    ['after a quote', 'Message: "', '"', 'I '],
    ['after a tag', '<text>', '</text>', 'Re '],
  ])('beginnings that inputs share %s belong to the inputs', (_name, prefix, suffix, shared) => {
    const inputs = VARIED.map((text) => shared + text);
    const template = mineTemplate(wrap(prefix, inputs, suffix));
    expect(singleSlots(template)).toMatchObject([{ prefix, suffix }]);
  });

  test.each([
    ['before a line', '', '\nAnswer:', '?'],
    ['before an arrow', '', ' ->', '?'],
    ['before a quote', 'Message: "', '"', '.'],
    ['before a tag', '<text>', '</text>', ' please'],
    ['before prose', '', ' Answer with one word only', 's.'],
  ])('endings that inputs share %s belong to the inputs', (_name, prefix, suffix, shared) => {
    const inputs = VARIED.map((text) => text + shared);
    const template = mineTemplate(wrap(prefix, inputs, suffix));
    expect(singleSlots(template)).toMatchObject([{ prefix, suffix }]);
  });

  test('a shared word that is cut in the middle of prose stays whole on the inputs', () => {
    const template = mineTemplate(wrap('Name the topic of the text un', VARIED, ''));
    expect(singleSlots(template)).toMatchObject([{ prefix: 'Name the topic of the text ' }]);
  });
});

describe('several prompts in one log', () => {
  test('two system messages are two versions, the more frequent first', () => {
    const prompts = [
      ...VARIED.slice(0, 4).map((text) => [system('Old: name the topic.'), user(`Message: ${text}`)]),
      ...VARIED.map((text) => [system('New: name the topic.'), user(`Text: ${text}`)]),
    ];
    const template = mineTemplate(prompts);
    expect(singleSlots(template)).toEqual([
      { lead: [system('New: name the topic.')], role: 'user', prefix: 'Text: ', suffix: '', rows: 10 },
      { lead: [system('Old: name the topic.')], role: 'user', prefix: 'Message: ', suffix: '', rows: 4 },
    ]);
    expect(prompts.map((prompt) => stripped(template, prompt))).toEqual([
      ...VARIED.slice(0, 4).map((input) => ({ input, version: 1 })),
      ...VARIED.map((input) => ({ input, version: 0 })),
    ]);
    expectRoundTrip(prompts);
  });

  test('prompts whose last messages have different roles are two versions', () => {
    const prompts = VARIED.flatMap((text): Message[][] => [
      [system('Name the topic.'), user(`Message: ${text}`)],
      [system('Name the topic.'), { role: 'tool', content: `Message: ${text}` }],
    ]);
    expect(singleSlots(mineTemplate(prompts)).map(({ role, rows }) => [role, rows])).toEqual([
      ['tool', 10],
      ['user', 10],
    ]);
    expectRoundTrip(prompts);
  });

  test('two instruction texts in front of legacy prompts are two versions', () => {
    const texts = [
      'Name the topic of the message of a customer in one word.\nMessage: ',
      'You sort mail for a shop that rents out bicycles to riders.\nMail: ',
    ] as const;
    const prompts = texts.flatMap((prefix) => wrap(prefix, VARIED, ''));
    const template = mineTemplate(prompts);
    expect(singleSlots(template).map(({ prefix, rows }) => [prefix, rows])).toEqual(
      texts.map((prefix) => [prefix, 10]),
    );
    expect(prompts.map((prompt) => stripped(template, prompt).input)).toEqual([...VARIED, ...VARIED]);
    expectRoundTrip(prompts);
  });

  test('a version of fewer than 2 % of the prompts of a long log is left out, and its rows are mismatches', () => {
    const known = Array.from({ length: 149 }, (_, index) => [
      system('New.'),
      user(`Message: ${VARIED[index % 10]} ${index}`),
    ]);
    const rare = [system('Old.'), user('Message: hello')];
    const template = mineTemplate([...known, rare, rare]);
    expect(template.versions.map(({ rows }) => rows)).toEqual([149]);
    expect(stripInstructions(template, rare)).toEqual({ mismatch: expect.stringContaining('no known prompt') });
    expect(mineTemplate([...known, rare, rare], { minVersionShare: 0.01 }).versions).toHaveLength(2);
  });

  test('the version that leaves the shortest input is taken of two that fit', () => {
    const version = (prefix: string, suffix: string): TemplateVersion => ({
      messages: [{ role: 'user', parts: [prefix, { slot: 0 }, suffix].filter((part) => part !== '') }],
      slots: [{ name: 'mail', kind: 'input' }],
      rows: 1,
    });
    const template: PromptTemplate = { versions: [version('', ''), version('Mail: ', ''), version('Mail: ', ' ->')] };
    expect(stripped(template, [user('Mail: hello ->')])).toEqual({ input: 'hello', version: 2 });
    expect(stripped(template, [user('Mail: hello')])).toEqual({ input: 'hello', version: 1 });
    expect(stripped(template, [user('hello ->')])).toEqual({ input: 'hello ->', version: 0 });
  });
});

describe('odd rows', () => {
  const usual = Array.from({ length: 98 }, (_, index) => [
    system('Name the topic.'),
    user(`Message: ${VARIED[index % 10]} ${index}\nAnswer:`),
  ]);
  const odd = [
    [system('Name the topic.'), user('hello, is this on?')],
    [system('Say hello.'), user('Message: hello\nAnswer:')],
  ];

  test('two odd rows in a hundred do not spoil the template, are mismatches with a reason and are never passed through', () => {
    const template = mineTemplate([...usual.slice(0, 50), ...odd, ...usual.slice(50)]);
    expect(singleSlots(template)).toEqual([
      { lead: [system('Name the topic.')], role: 'user', prefix: 'Message: ', suffix: '\nAnswer:', rows: 98 },
    ]);
    expect(odd.map((prompt) => stripInstructions(template, prompt))).toEqual([
      { mismatch: 'the text around the input is that of no known prompt' },
      { mismatch: 'the text around the input is that of no known prompt' },
    ]);
    for (const prompt of usual) expect(stripInstructions(template, prompt)).toHaveProperty('input');
  });

  test('odd rows beyond the quorum leave the template shorter instead of losing rows', () => {
    const bare = VARIED.map((text) => [system('Name the topic.'), user(text)]);
    const template = mineTemplate([...usual, ...bare]);
    expect(singleSlots(template)).toMatchObject([{ prefix: '', suffix: '', rows: 108 }]);
    expect(singleSlots(mineTemplate([...usual, ...bare], { quorum: 0.9 }))).toMatchObject([
      { prefix: 'Message: ', rows: 98 },
    ]);
  });

  test.each<[string, Message[], string]>([
    ['without a message', [], 'the prompt has no message'],
    ['whose last message has another role', [{ role: 'assistant', content: 'Message: "a"' }], 'other roles'],
    ['with a message more', [system('x'), user('Message: "a"')], 'other roles'],
    ['without the prefix', [user('"a"')], 'no known prompt'],
    ['without the suffix', [user('Message: "a')], 'no known prompt'],
    ['in which prefix and suffix would overlap', [user('Message: "')], 'no known prompt'],
  ])('a prompt %s is a mismatch', (_name, prompt, reason) => {
    const template = mineTemplate(wrap('Message: "', VARIED, '"'));
    expect(stripInstructions(template, prompt)).toEqual({ mismatch: expect.stringContaining(reason) });
  });
});

test('the order of the prompts makes no difference', () => {
  const texts = fc.array(fc.constantFrom(...VARIED, 'a', 'b', ''), { minLength: 1, maxLength: 12 });
  const group = fc
    .tuple(fc.constantFrom(...LEADS), fc.constantFrom(...SHAPES), texts)
    .map(([lead, [, prefix, suffix], inputs]) => inputs.map((input) => [...lead, user(prefix + input + suffix)]));
  const shuffled = fc
    .array(group, { minLength: 1, maxLength: 4 })
    .map((groups) => [...groups.flat(), ...groups.flat()])
    .chain((prompts) =>
      fc.tuple(
        fc.constant(prompts),
        fc.shuffledSubarray(prompts, { minLength: prompts.length, maxLength: prompts.length }),
      ),
    );
  fc.assert(
    fc.property(shuffled, ([prompts, others]) => {
      expect(mineTemplate(others)).toEqual(mineTemplate(prompts));
    }),
  );
});

describe('INSTRUCTIONS_NOT_FOUND', () => {
  test('INSTRUCTIONS_NOT_FOUND is raised if each prompt has a system message of its own that shares nothing, with advice', () => {
    const prompts = VARIED.map((text) => [system(text), user('go')]);
    expect(() => mineTemplate(prompts)).toThrow(
      expect.objectContaining({
        code: 'INSTRUCTIONS_NOT_FOUND',
        message: expect.stringMatching(/10 prompts share no instructions.*Keep what changes .* in the last message/),
      }),
    );
  });

  test('INSTRUCTIONS_NOT_FOUND is raised for conversations, whose earlier turns never come up again', () => {
    const prompts = VARIED.map((text, index) => [
      system('Help the customer.'),
      user(text),
      { role: 'assistant' as const, content: `It is ${text}` },
      user(VARIED[(index + 1) % 10] ?? ''),
    ]);
    expect(() => mineTemplate(prompts)).toThrow(expect.objectContaining({ code: 'INSTRUCTIONS_NOT_FOUND' }));
  });

  test('INSTRUCTIONS_NOT_FOUND is raised for an empty list', () => {
    expect(() => mineTemplate([])).toThrow(expect.objectContaining({ code: 'INSTRUCTIONS_NOT_FOUND' }));
  });

  test('INSTRUCTIONS_NOT_FOUND is not raised for a single prompt, all of whose last message counts as input', () => {
    const prompt = [system('Name the topic.'), user('Message: hello')];
    const template = mineTemplate([prompt]);
    expect(stripped(template, prompt)).toEqual({ input: 'Message: hello', version: 0 });
  });
});

test('a bare input is put into the most frequent version', () => {
  const template = mineTemplate(VARIED.map((text) => [system('Name the topic.'), user(`Message: ${text}`)]));
  const prompt = [system('Name the topic.'), user('Message: hello')];
  expect(promptForInput(template, 'hello', 'keep-instructions')).toEqual(prompt);
});

test('a version that the template does not have is refused', () => {
  expect(() => renderPrompt({ versions: [] }, 0, ['hello'])).toThrow(RangeError);
});

const THIRTY = Array.from(
  { length: 30 },
  (_, index) => `${'abcdefghij'[index % 10]}word${index} thing ${(index * 7919) % 101}`,
);

test.each([
  ['', '\nAnswer:'],
  ['You are a support agent.\n', ''],
  ['You are a support agent.\n', '\nAnswer:'],
])('two instruction texts are told apart although they share %j and %j', (prefix, suffix) => {
  const first = 'Classify the message into one of the labels billing or repair.\nMessage: ';
  const second = 'Decide which of our four teams should take care of this request.\nMessage: ';
  const prompts = legacy(THIRTY.map((input, index) => prefix + (index % 2 ? first : second) + input + suffix));
  const template = mineTemplate(prompts);
  expect(template.versions).toHaveLength(2);
  expect(prompts.map((prompt) => stripped(template, prompt))).toEqual(
    THIRTY.map((input) => ({ input, version: expect.any(Number) })),
  );
});

test('repeated requests are no instructions', () => {
  const requests = [
    'I would like to cancel my subscription to the service now',
    'Where is my bike that I ordered on the first day of the month',
    'The battery of my bike does not charge any more since Monday',
  ];
  const bare = { lead: [], role: 'user', prefix: '', suffix: '' };
  const thrice = THIRTY.map((_, index) => requests[index % 3] ?? '');
  expect(singleSlots(mineTemplate(legacy(thrice)))).toEqual([{ ...bare, rows: 30 }]);
  expect(singleSlots(mineTemplate(legacy(THIRTY.map(() => requests[0] ?? ''))))).toEqual([{ ...bare, rows: 30 }]);
  const pings = [...Array.from({ length: 980 }, () => 'ping ping ping ping ping ok'), ...THIRTY];
  expect(singleSlots(mineTemplate(legacy(pings)))).toEqual([{ ...bare, rows: 1010 }]);
});

test('a CR before the line feed belongs to the instructions', () => {
  const prompts = wrap('Classify.\r\nMessage: ', THIRTY, '\r\nAnswer:');
  expect(singleSlots(mineTemplate(prompts))).toMatchObject([{ suffix: '\r\nAnswer:' }]);
});

test('a question mark after a space is no separator', () => {
  expect(singleSlots(mineTemplate(wrap('', THIRTY, ' ?')))).toMatchObject([{ suffix: '' }]);
});

const NAMES = ['Ann', 'Bob', 'Cleo', 'Dr. Dee', 'Eve and Finn', 'Gus', 'Hal', 'Ida', 'Joe', 'Kim'];
const DAYS = NAMES.map((_, index) => `2026-0${1 + (index % 9)}-1${index % 7}`);
const TICKETS = NAMES.map((_, index) => `TCK-${10_000 + index * 7919}`);

/** Prompts with the values in place of `{1}`, `{2}` and so on. */
function filled(messages: readonly Message[], columns: readonly (readonly string[])[]): Message[][] {
  return VARIED.map((_, row) =>
    messages.map(({ role, content }) => ({
      role,
      content: content.replace(/\{(\d)\}/g, (_marker, column) => columns[Number(column) - 1]?.[row] ?? ''),
    })),
  );
}

const TASK = 'Name the team that should take care of this call.';

describe('several slots are recovered exactly from ten prompts', () => {
  test.each<[string, Message[], string[][], string[]]>([
    [
      'labels on lines of their own',
      [user(`${TASK}\n\nName: {1}\nMessage: {2}\nTeam:`)],
      [NAMES, VARIED],
      ['name', 'message'],
    ],
    [
      'headings',
      [user(`${TASK}\n\n## Name\n{1}\n\n## Message\n{2}\n\n## Team\n`)],
      [NAMES, VARIED],
      ['name', 'message'],
    ],
    ['tags', [user(`${TASK}\n<name>{1}</name>\n<mail>{2}</mail>\n`)], [NAMES, VARIED], ['name', 'mail']],
    [
      'prose between',
      [user(`${TASK}\nText: {1}\n\nThis is what the customer wrote the week before:\n{2}\n\nGo.`)],
      [VARIED, VARIED.toReversed()],
      ['text', 'value'],
    ],
    [
      'a name within a sentence',
      [user(`You help {1}, who rents bikes from us since last year. ${TASK}\nMessage: {2}`)],
      [NAMES, VARIED],
      ['value', 'message'],
    ],
    [
      'a name in the system message',
      [system(`You help {1} of our shop. ${TASK}`), user('{2}')],
      [NAMES, VARIED],
      ['value', 'value_2'],
    ],
    [
      'an input in the system message alone',
      [system('Name the topic of: {1}'), user('go')],
      [VARIED],
      ['name_the_topic_of'],
    ],
    ['two messages of the user', [system(TASK), user('Page: {1}'), user('{2}')], [NAMES, VARIED], ['page', 'value']],
  ])('%s', (_name, messages, columns, names) => {
    const prompts = filled(messages, columns);
    const template = mineTemplate(prompts);
    expect(template.versions).toMatchObject([{ slots: names.map((name) => ({ name, kind: 'input' })), rows: 10 }]);
    prompts.forEach((prompt, row) => {
      const stripped = strip(template, prompt);
      expect(stripped.slots).toEqual(columns.map((column) => column[row]));
      expect(renderPrompt(template, stripped.version, stripped.slots)).toEqual(prompt);
    });
  });

  test('the input of several slots is a line for each of them, with the label of the prompt or the name of the slot', () => {
    const labelled = filled([user(`${TASK}\n\nName: {1}\nMessage: {2}\nTeam:`)], [NAMES, VARIED]);
    expect(strip(mineTemplate(labelled), labelled[3] ?? []).input).toBe('Name: Dr. Dee\nMessage: I was charged twice.');
    const tagged = filled([user(`${TASK}\n<name>{1}</name>\n<mail>{2}</mail>\n`)], [NAMES, VARIED]);
    expect(strip(mineTemplate(tagged), tagged[3] ?? []).input).toBe('name: Dr. Dee\nmail: I was charged twice.');
  });

  test('dates and ids are slots, but no input', () => {
    const text = `Today is {1}. ${TASK}\n\nTicket: {2}\nMessage: {3}`;
    const prompts = filled([user(text)], [DAYS, TICKETS, VARIED]);
    const template = mineTemplate(prompts);
    expect(template.versions[0]?.slots).toEqual([
      { name: 'date', kind: 'date' },
      { name: 'ticket', kind: 'id' },
      { name: 'message', kind: 'input' },
    ]);
    expect(strip(template, prompts[2] ?? [])).toEqual({
      version: 0,
      slots: [DAYS[2], TICKETS[2], VARIED[2]],
      input: VARIED[2],
    });
  });

  test('dates are an input if there is no other slot', () => {
    const template = mineTemplate(filled([user('Which day of the week was it?\nDate: {1}')], [DAYS]));
    expect(template.versions[0]?.slots).toEqual([{ name: 'date', kind: 'input' }]);
  });

  test.each([
    ['3 August 2026', '4 August 2026', '25 August 2026', '30 August 2026', '31 August 2026'],
    [
      'Monday, 3 August 2026',
      'Friday, 7 August 2026',
      'Sunday, 9 August 2026',
      'Monday, 10 August 2026',
      'Monday, 17 August 2026',
    ],
    [
      '2026-08-03T10:00:00Z',
      '2026-08-03T11:30:00Z',
      '2026-08-03T12:00:01Z',
      '2026-08-04T10:00:00Z',
      '2026-08-09T10:00:00Z',
    ],
  ])('the common part of dates, as in %s, belongs to them', (...dates) => {
    const prompts = VARIED.map((text, row) => [
      system(`It is ${dates[row % 5]}. Help riders, and be brief.`),
      user(text),
    ]);
    const template = mineTemplate(prompts);
    expect(template.versions).toMatchObject([{ slots: [{ kind: 'date' }, { kind: 'input' }] }]);
    expect(prompts.map((prompt) => strip(template, prompt).slots[0])).toEqual(VARIED.map((_, row) => dates[row % 5]));
  });

  test('a system message with three days in it is one version, and with two wordings it is two', () => {
    const days = ['2026-08-01', '2026-08-02', '2026-08-03'];
    const dated = VARIED.map((text, row) => [system(`Today is ${days[row % 3]}. ${TASK}`), user(text)]);
    expect(mineTemplate(dated).versions).toMatchObject([{ slots: [{ kind: 'date' }, { kind: 'input' }], rows: 10 }]);
    const worded = VARIED.map((text, row) => [system(row % 2 ? TASK : `${TASK} One word.`), user(text)]);
    expect(mineTemplate(worded).versions).toMatchObject([{ rows: 5 }, { rows: 5 }]);
  });

  test('versions that differ behind a slot only are told apart', () => {
    const tasks = [
      'Say in one word what the customer of our shop wants.\n',
      'Tell which of our four teams should answer the mail.\n',
    ];
    const prompts = THIRTY.map((text, row) => [
      user(`You help in a shop that rents out bikes, and write to ${NAMES[row % 10]}.\n${tasks[row % 2]}Mail: ${text}`),
    ]);
    const template = mineTemplate(prompts);
    expect(template.versions).toMatchObject([{ rows: 15 }, { rows: 15 }]);
    expect(prompts.map((prompt) => strip(template, prompt).slots)).toEqual(
      THIRTY.map((text, row) => [NAMES[row % 10], text]),
    );
  });

  test('a prompt in which text between slots stands twice is a mismatch, because the end of the slot is uncertain', () => {
    const prompts = filled([user(`${TASK}\n\nName: {1}\nMessage: {2}\nTeam:`)], [NAMES, VARIED]);
    const template = mineTemplate(prompts);
    const text = `${TASK}\n\nName: Ann\nMessage: he wrote\nMessage: no\nTeam:`;
    expect(stripInstructions(template, [user(text)])).toEqual({ mismatch: expect.stringContaining('no known prompt') });
  });
});

describe('a template of any messages, slots and versions', () => {
  const unit = fc.constantFrom('a', 'b', ' ', '\n', ': ', 'é', '🚲', 'Message: ', '<x>');
  const text = fc.array(unit, { maxLength: 6 }).map((units) => units.join(''));
  const literal = fc.array(unit, { minLength: 1, maxLength: 6 }).map((units) => units.join(''));
  const kind = fc.constantFrom<Slot['kind']>('input', 'date', 'id');
  const message = fc.record({
    role: fc.constantFrom<Message['role']>('system', 'user', 'assistant'),
    start: text,
    literals: fc.array(literal, { maxLength: 3 }),
    end: text,
    isConstant: fc.boolean(),
  });
  const version = fc
    .tuple(fc.array(message, { minLength: 1, maxLength: 3 }), fc.array(kind, { minLength: 12, maxLength: 12 }))
    .map(([messages, kinds]): TemplateVersion => {
      let slot = 0;
      return {
        messages: messages.map(({ role, start, literals, end, isConstant }) => ({
          role,
          parts: isConstant
            ? [start]
            : [start, ...literals.flatMap((each) => [{ slot: slot++ }, each]), { slot: slot++ }, end].filter(
                (part) => part !== '',
              ),
        })),
        slots: kinds.slice(0, slot).map((each, index) => ({ name: `slot_${index}`, kind: each })),
        rows: 1,
      };
    });
  const templates = fc.array(version, { minLength: 1, maxLength: 4 }).map((versions): PromptTemplate => ({ versions }));
  const values = fc.array(text, { minLength: 12, maxLength: 12 });

  test('a template of any messages, slots and versions gives each prompt back, byte for byte, or names a mismatch', () => {
    fc.assert(
      fc.property(templates, fc.nat(3), values, (template, pick, slots) => {
        const prompt = renderPrompt(template, pick % template.versions.length, slots);
        const stripped = stripInstructions(template, prompt);
        if ('mismatch' in stripped) expect(stripped.mismatch).not.toBe('');
        else expect(renderPrompt(template, stripped.version, stripped.slots)).toEqual(prompt);
      }),
      { numRuns: 1000 },
    );
  });

  test('a template of any messages, slots and versions finds the values again where they hold nothing of the text around them', () => {
    const plain = fc.array(fc.stringMatching(/^[x-z0-9]{1,8}$/), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(version, plain, (only, slots) => {
        const template = { versions: [only] };
        const stripped = strip(template, renderPrompt(template, 0, slots));
        expect(stripped.slots).toEqual(slots.slice(0, only.slots.length));
      }),
      { numRuns: 500 },
    );
  });
});

describe('what prompts with up to four slots and four versions give', () => {
  const LABELS = ['Name', 'Mail', 'Order', 'Wish'];
  const TASKS = [
    'Say what the customer wants from us in as few words as you can.',
    'Which of the four teams of the shop should look after this one?',
    'Write the title under which the desk will find this call again.',
    'Guess how the person felt while this was typed into the form.',
  ];
  const prompt = fc.record({
    version: fc.nat(3),
    slots: fc.array(anyText(), { minLength: 4, maxLength: 4 }),
  });
  const logs = fc.tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
    fc.array(prompt, { minLength: 8, maxLength: 40 }),
  );
  const render = (slots: number, version: number, values: readonly string[]): Message[] => [
    user(
      `${TASKS[version]}\n\n${LABELS.slice(0, slots)
        .map((label, index) => `${label}: ${values[index]}`)
        .join('\n')}\nAnswer:`,
    ),
  ];

  test('mining recovers the values of up to four slots and four versions, byte for byte', () => {
    fc.assert(
      fc.property(logs, ([slots, versions, rows]) => {
        const prompts = rows.map((row) => render(slots, row.version % versions, row.slots));
        const template = mineTemplate(prompts);
        for (const each of prompts) {
          const stripped = stripInstructions(template, each);
          if (!('mismatch' in stripped)) expect(renderPrompt(template, stripped.version, stripped.slots)).toEqual(each);
        }
      }),
    );
  });

  test('mining does not depend on the order of the prompts', () => {
    fc.assert(
      fc.property(logs, fc.integer(), ([slots, versions, rows], seed) => {
        const prompts = rows.map((row) => render(slots, row.version % versions, row.slots));
        const shuffled = prompts
          .map((each, index) => ({ each, place: Math.imul(index + 1, seed | 1) >>> 0 }))
          .sort((a, b) => a.place - b.place)
          .map(({ each }) => each);
        expect(mineTemplate(shuffled)).toEqual(mineTemplate(prompts));
      }),
    );
  });
});

describe('a bare input', () => {
  const single = parseTemplates([
    [
      { role: 'system', content: TASK },
      { role: 'user', content: 'Message: {{message}}' },
    ],
  ]);

  test('a bare input is put into the only input slot', () => {
    expect(promptForInput(single, 'hello', 'keep-instructions')).toEqual([system(TASK), user('Message: hello')]);
  });

  test.each(['{{name}}: {{message}}', 'On {{date}}: {{message}}', '{{examples}}\nMessage: {{message}}'])(
    'a bare input cannot be put into %j, where the other slot is unknown',
    (text) => {
      expect(promptForInput(parseTemplates([text]), 'hello', 'keep-instructions')).toBeUndefined();
    },
  );

  test('a bare input needs no examples where these are dropped', () => {
    const template = parseTemplates(['Sort.\n{{examples}}\nMessage: {{message}}']);
    expect(promptForInput(template, 'hello', 'drop-few-shots')).toEqual([user('Sort.\n\nMessage: hello')]);
  });
});
