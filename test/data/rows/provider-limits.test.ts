import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import type { Message } from '../../../packages/app/src/prompt/chat-message.ts';
import type { PromptTemplate, TemplateMessage, Treatment } from '../../../packages/app/src/prompt/prompt-template.ts';
import type { Example } from '../../../src/core/dataset/row.ts';
import { countMessages, exampleIssue, TokenEstimate } from '../../../src/data/rows/provider-limits.ts';
import { OPENAI } from '../../../src/providers/profiles/openai.ts';

const issueOf = (template: PromptTemplate, row: Example, treatments: readonly Treatment[]) =>
  exampleIssue(template, row, treatments, OPENAI.limits);

const SYSTEM = 'Name the topic of the message: refund, shipping or account. Answer with one word.';

function prompt(input: string): Message[] {
  return [
    { role: 'system', content: SYSTEM },
    { role: 'user', content: `Message: ${input}\nTopic:` },
  ];
}

function templateWith(role: Message['role']): PromptTemplate {
  const messages: TemplateMessage[] = [
    { role, parts: [SYSTEM] },
    { role: 'user', parts: ['Message: ', { slot: 0 }, '\nTopic:'] },
  ];
  return { versions: [{ messages, slots: [{ name: 'input', kind: 'input' }], rows: 4 }] };
}

const template = templateWith('system');

function example(input: string, completion = 'refund', line = 1): Example {
  return { id: `row ${line}`, line, input, completion, version: 0 };
}

describe('an example', () => {
  const tokens = (count: number) => ' a'.repeat(count);

  // One message around the input and one around the answer take 4 tokens each, and the reply 3.
  test('an example may have 65,536 tokens, with the frame of its contents', () => {
    const longest = 65_536 - 4 - 4 - 3 - countTokens('refund');
    expect(issueOf(template, example(tokens(longest)), ['strip'])).toBeUndefined();
    expect(issueOf(template, example(tokens(longest + 1)), ['strip'])).toBe('over-token-limit');
  });

  test('an example is too long where its answer is', () => {
    expect(issueOf(template, example('hello', tokens(65_536)), ['strip'])).toBe('over-token-limit');
  });

  test('an example may have many bytes in few tokens', () => {
    expect(issueOf(template, example('hello '.repeat(60_000)), ['strip'])).toBeUndefined();
  });

  test('an example is judged by each treatment', () => {
    const long = example(tokens(65_536 - 20));
    expect(issueOf(template, long, ['strip'])).toBeUndefined();
    expect(issueOf(template, long, ['strip', 'keep-instructions'])).toBe('over-token-limit');
  });

  test('an example keeps no role that services do not take', () => {
    const tool = templateWith('tool');
    expect(issueOf(tool, example('hello'), ['strip'])).toBeUndefined();
    expect(issueOf(tool, example('hello'), ['keep-instructions'])).toBe('unsupported-role');
    // Which is written as the system that it is.
    expect(issueOf(templateWith('developer'), example('hello'), ['keep-instructions'])).toBeUndefined();
  });

  test('an example of one word of 10 MB is refused quickly', () => {
    expect(issueOf(template, example('a'.repeat(10_000_000)), ['strip'])).toBe('over-token-limit');
  });
});

describe('tokens of messages', () => {
  test('the tokens of messages are those of their contents, 4 a message, and 3 for the reply', () => {
    expect(countMessages(prompt('hello'))).toBe(
      countTokens(SYSTEM) + countTokens('Message: hello\nTopic:') + 2 * 4 + 3,
    );
    expect(countMessages([{ role: 'user', content: '<|endoftext|>' }])).toBeGreaterThan(4 + 3 + 1);
  });

  test('the tokens of long texts are those of their pieces', () => {
    const words = fc.array(fc.constantFrom('Where', 'is', 'my', 'parcel?', '12.5', 'naïve', '日本語', 'x'.repeat(50)), {
      minLength: 1000,
      maxLength: 3000,
    });
    fc.assert(
      fc.property(words, (parts) => {
        const text = parts.join(' ');
        expect(countMessages([{ role: 'user', content: text }])).toBe(countTokens(text) + 4 + 3);
      }),
      { numRuns: 20 },
    );
  });
});

describe('an estimate', () => {
  /** Rows of changing length and language, with a period, as a log may have. */
  function rows(count: number): Example[] {
    const words = [
      'Wo',
      'ist',
      'meine',
      'Rechnung',
      'I',
      'need',
      'a',
      'new',
      'card',
      '12.50',
      'naïve',
      '日本語',
      '!!!',
      'order-4711',
    ];
    let seed = 1;
    const next = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    return Array.from({ length: count }, (_, line) => {
      const length = 1 + next(line % 2 === 0 ? 5 : 40);
      const offset = line % 2 === 0 ? 0 : 6;
      const input = Array.from({ length }, () => words[offset + next(8)]).join(' ');
      return example(input, line % 3 === 0 ? 'refund' : 'shipping please', line);
    });
  }

  function exact(examples: readonly Example[]) {
    const sum = (of: (row: Example) => number) => examples.reduce((total, row) => total + of(row), 0);
    const request = sum(({ input }) => countTokens(input) + 4 + 3);
    const completion = sum((row) => countTokens(row.completion));
    const kept = sum(({ input }) => countMessages(prompt(input)));
    const count = examples.length;
    return {
      treated: {
        strip: { train: request + completion + 4 * count, request: request / count },
        'keep-instructions': { train: kept + completion + 4 * count, request: kept / count },
      },
      completion: completion / count,
      prompt: kept / count,
    };
  }

  function estimate(examples: readonly Example[]) {
    const tokens = new TokenEstimate(template, ['strip', 'keep-instructions']);
    for (const row of examples) tokens.add(row);
    return tokens.all();
  }

  test('an estimate of few rows is exact', () => {
    const examples = rows(900);
    expect(estimate(examples)).toEqual(exact(examples));
  });

  test('an estimate of many rows is within 1 %', () => {
    const examples = rows(50_000);
    const [guessed, counted] = [estimate(examples), exact(examples)];
    const ratios = [
      (guessed.treated.strip?.train ?? 0) / counted.treated.strip.train,
      (guessed.treated.strip?.request ?? 0) / counted.treated.strip.request,
      (guessed.treated['keep-instructions']?.train ?? 0) / counted.treated['keep-instructions'].train,
      guessed.completion / counted.completion,
      guessed.prompt / counted.prompt,
    ];
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.01);
  });

  test('an estimate of no rows is zero', () => {
    expect(estimate([])).toEqual({
      treated: { strip: { train: 0, request: 0 }, 'keep-instructions': { train: 0, request: 0 } },
      completion: 0,
      prompt: 0,
    });
  });

  test('an estimate of empty answers is zero', () => {
    expect(estimate([example('hello', '')])).toMatchObject({ completion: 0 });
  });
});
