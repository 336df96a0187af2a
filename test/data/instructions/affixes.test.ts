import fc from 'fast-check';
import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import { renderPrompt, stripInstructions } from '../../../packages/app/src/prompt/prompt-template.ts';
import { agreed, findAffixes } from '../../../src/data/instructions/affixes.ts';
import { mineTemplate } from '../../../src/data/instructions/template-mining.ts';
import { anyText } from '../../stores/any-text.ts';
import { singleSlots } from './single-slot.ts';

const NOUNS = ['bike', 'lock', 'light', 'saddle', 'pedal', 'chain', 'brake', 'tyre', 'bell', 'basket'];
const VERBS = ['repair', 'return', 'exchange', 'find', 'paint', 'borrow'];

/** Different short texts of a made-up shop. */
const TEXTS = Array.from({ length: 60 }, (_, index) => {
  return `${NOUNS[index % 10]} ${VERBS[Math.floor(index / 10)]} ${(index * 7919) % 101}`;
});

const INPUTS: [form: string, make: (text: string, index: number) => string][] = [
  ['JSON on a line', (text, index) => JSON.stringify({ name: text, count: index, kind: 'x' })],
  ['JSON with a single key', (text) => JSON.stringify({ text })],
  ['indented JSON', (text, index) => JSON.stringify({ name: text, count: index, kind: text }, null, 2)],
  ['indented JSON with a single key', (text) => JSON.stringify({ text }, null, 2)],
  ['XML on a line', (text, index) => `<order><id>${index}</id><note>${text}</note></order>`],
  ['XML on lines', (text, index) => `<order>\n<id>${index}</id>\n<note>${text}</note>\n</order>`],
  ['addresses', (text, index) => `https://example.com/${index}?q=${encodeURIComponent(text)}`],
  ['a record', (text, index) => `name: ${text}, count: ${index}`],
  ['a record with quotes', (text, index) => `name: "${text}", count: "${index}"`],
  ['a record on lines', (text, index) => `Title: ${text}\nBody: ${index}`],
  ['a record with a long key', (text, index) => `Name of the customer: ${text}\nText: ${index}`],
  ['a record in brackets', (text, index) => `name[${text}], kind[${index % 2 ? 'old' : 'new'}], near[the big river]`],
  ['a conversation', (text, index) => `Customer: ${text}\nAgent: yes ${index}\nCustomer: thanks, ${text}`],
  ['a call', (text) => `say("${text}")`],
  ['a call with a named value', (text) => `order(item: ${text})`],
  ['a call with many words', (text) => `order(a big old red ${text})`],
  ['mails of two kinds', (text, index) => `${index % 2 ? 'Re' : 'Fwd'}: ${text}`],
  [
    'forms of two kinds',
    (text, index) => (index % 2 ? `Form: new address\nName: ${text}` : `Form: return\nReason: ${text}`),
  ],
  ['questions with a space before the mark', (text) => `${text} ?`],
  ['four words, again and again', (_text, index) => ['yes', 'no', 'stop', 'help'][index % 4] ?? ''],
];

const INSTRUCTIONS: [name: string, lead: Message[], prefix: string, suffix: string][] = [
  ['bare', [], '', ''],
  ['after a system message', [{ role: 'system', content: 'Say what it is about.' }], '', ''],
  ['in a legacy prompt', [], 'Read the text below and say what it is about.\n\nInput: ', '\nAnswer:'],
];

describe.each(INSTRUCTIONS)('no byte of an input is removed, %s', (_name, lead, prefix, suffix) => {
  test.each(INPUTS)('%s', (_form, make) => {
    const inputs = TEXTS.map(make);
    const prompts = inputs.map((input): Message[] => [...lead, { role: 'user', content: prefix + input + suffix }]);
    const template = mineTemplate(prompts);
    expect(singleSlots(template)).toEqual([{ lead, role: 'user', prefix, suffix, rows: 60 }]);
    prompts.forEach((prompt, index) => {
      expect(stripInstructions(template, prompt)).toEqual({ input: inputs[index], slots: [inputs[index]], version: 0 });
    });
  });
});

test('a prompt that most rows repeat does not make its input a part of the instructions', () => {
  const wrapped = (text: string): Message[] => [{ role: 'user', content: `Name the topic.\nMessage: ${text}\nTopic:` }];
  const prompts = [...TEXTS, ...Array.from({ length: 5000 }, () => 'the same thing every single time')].map(wrapped);
  expect(singleSlots(mineTemplate(prompts))).toMatchObject([
    { prefix: 'Name the topic.\nMessage: ', suffix: '\nTopic:' },
  ]);
});

test('an opening delimiter without a closing one stays on the input', () => {
  expect(
    findAffixes(
      TEXTS.map((text) => `Message: "${text}`),
      0.97,
    ),
  ).toEqual({ prefix: 'Message: ', suffix: '' });
});

test('a word in quotes is prose and opens nothing', () => {
  expect(
    findAffixes(
      TEXTS.map((text) => `Rate the "tone" of ${text}`),
      0.97,
    ).prefix,
  ).toBe('Rate the "tone" of ');
});

test('quotes at the end of inputs are not the quotes around them', () => {
  const texts = TEXTS.map((text) => `Message: "${text} "ok""`);
  expect(findAffixes(texts, 0.97)).toEqual({ prefix: 'Message: ', suffix: '' });
});

test('a label without a space belongs to the instructions, unless all texts continue in the same way', () => {
  expect(
    findAffixes(
      TEXTS.map((text) => `Message:${text}`),
      0.97,
    ).prefix,
  ).toBe('Message:');
  expect(
    findAffixes(
      TEXTS.map((text) => `mailto:shop.${text}`),
      0.97,
    ).prefix,
  ).toBe('');
});

test('a run of words is instructions from five texts up, because fewer may share it by chance', () => {
  const texts = TEXTS.map((text) => `tell me something about ${text}`);
  expect(findAffixes(texts.slice(0, 4), 0.97).prefix).toBe('');
  expect(findAffixes(texts.slice(0, 5), 0.97).prefix).toBe('tell me something about ');
});

describe('what texts agree on', () => {
  test('the common beginning is shared by at least the quorum, and is not one unit longer', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 });
    const quorum = fc.double({ min: 0.51, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1 }),
        quorum,
        fc.constantFrom('', 'x'.repeat(1500)),
        (ends, share, long) => {
          const texts = ends.map((end) => long + end);
          const common = agreed(texts, share, 'start');
          const count = (prefix: string) => texts.filter((each) => each.startsWith(prefix)).length;
          const least = Math.ceil(share * texts.length - 1e-9);
          expect(count(common)).toBeGreaterThanOrEqual(least);
          for (const unit of 'abx') expect(count(common + unit)).toBeLessThan(least);
        },
      ),
    );
  });

  test('the common end is found like the beginning', () => {
    const mirrored = (value: string) => value.split('').reverse().join('');
    fc.assert(
      fc.property(fc.array(anyText(), { minLength: 1 }), anyText(), (starts, common) => {
        const texts = starts.map((start) => start + common);
        expect(agreed(texts, 0.97, 'end')).toBe(mirrored(agreed(texts.map(mirrored), 0.97, 'start')));
      }),
    );
  });
});

describe('prompts that begin in the same way', () => {
  const legacy = (text: string): Message[] => [{ role: 'user', content: text }];
  const FIRST = 'You help a shop.\nPick the one topic that fits the message best and say it.\n\nInput: ';
  const SECOND = 'You help a shop.\nName the team that should take care of this message.\n\nText: ';

  test('prompts that begin in the same way and continue in two ways are two versions', () => {
    const prompts = TEXTS.map((text, index) => legacy(index % 3 ? `${FIRST}${text}\nAnswer:` : `${SECOND}${text}`));
    const template = mineTemplate(prompts);
    expect(singleSlots(template)).toMatchObject([
      { prefix: FIRST, suffix: '\nAnswer:', rows: 40 },
      { prefix: SECOND, suffix: '', rows: 20 },
    ]);
    prompts.forEach((prompt, index) => {
      expect(stripInstructions(template, prompt)).toMatchObject({ input: TEXTS[index] });
    });
  });

  test('prompts that begin in the same way and hold inputs of two kinds are told apart by the prompt alone', () => {
    const prompts = TEXTS.flatMap((text) => [
      legacy(`${FIRST}${text}`),
      legacy(`${FIRST}Order\n${text}`),
      legacy(SECOND + text),
    ]);
    expect(singleSlots(mineTemplate(prompts))).toMatchObject([
      { prefix: FIRST, suffix: '', rows: 120 },
      { prefix: SECOND, suffix: '', rows: 60 },
    ]);
  });

  test('prompts that begin in the same way and end in two ways, after the input, are two versions', () => {
    const ends = ['\n\nName the topic of the text above in a word.', '\n\nWhich team takes care of this? Just say it.'];
    const prompts = TEXTS.map((text, index) => legacy(text + ends[index % 3 ? 0 : 1]));
    expect(singleSlots(mineTemplate(prompts))).toMatchObject([
      { prefix: '', suffix: ends[0], rows: 40 },
      { prefix: '', suffix: ends[1], rows: 20 },
    ]);
  });
});

test('a few prompts take over the affixes of another version', () => {
  const system = (content: string): Message => ({ role: 'system', content });
  const about = (text: string) => `tell me something about ${text}`;
  const rare = ['why', 'who'].map((text): Message[] => [system('Old.'), { role: 'user', content: about(text) }]);
  const usual = TEXTS.map((text): Message[] => [system('New.'), { role: 'user', content: about(text) }]);
  const template = mineTemplate([...rare, ...usual]);
  expect(singleSlots(template).map(({ lead, prefix, rows }) => [lead, prefix, rows])).toEqual([
    [[system('New.')], about(''), 60],
    [[system('Old.')], about(''), 2],
  ]);
});

test('a message after that of the user, such as the beginning of an answer, is kept as instructions', () => {
  const prompts = TEXTS.map((text): Message[] => [
    { role: 'system', content: 'Name the topic.' },
    { role: 'user', content: `Message: ${text}` },
    { role: 'assistant', content: 'Topic:' },
  ]);
  const template = mineTemplate(prompts);
  expect(singleSlots(template)).toEqual([
    {
      lead: [{ role: 'system', content: 'Name the topic.' }],
      role: 'user',
      prefix: 'Message: ',
      suffix: '',
      tail: [{ role: 'assistant', content: 'Topic:' }],
      rows: 60,
    },
  ]);
  prompts.forEach((prompt, index) => {
    const stripped = stripInstructions(template, prompt);
    expect(stripped).toEqual({ input: TEXTS[index], slots: [TEXTS[index]], version: 0 });
    expect(renderPrompt(template, 0, [TEXTS[index] ?? ''])).toEqual(prompt);
  });
  expect(stripInstructions(template, (prompts[0] ?? []).slice(0, 2))).toHaveProperty('mismatch');
});

test('a long log is mined from a sample that the order of its rows does not change', () => {
  const texts = Array.from({ length: 3000 }, (_, index) => `${TEXTS[index % 60]} ${index}`);
  const prompts = texts.map((text): Message[] => [{ role: 'user', content: `Message: ${text} ->` }]);
  const template = mineTemplate(prompts);
  expect(singleSlots(template)).toMatchObject([{ prefix: 'Message: ', suffix: ' ->', rows: 3000 }]);
  expect(mineTemplate(prompts.toReversed())).toEqual(template);
});

test('the sample of a long log is drawn from all of it', () => {
  const texts = Array.from({ length: 4000 }, (_, index) =>
    index % 2 ? `all that I ever wanted is ${index}` : `${TEXTS[index % 60]} ${index}`,
  );
  const prompts = [...texts, ...texts.slice(0, 100).map((text) => `zzz ${text}`)].map((text): Message[] => [
    { role: 'user', content: text },
  ]);
  expect(singleSlots(mineTemplate(prompts))).toMatchObject([{ prefix: '', rows: 4100 }]);
});
