import fc from 'fast-check';
import { parse } from 'yaml';
import { asksOriginal, promptfooConfig, promptfooTest } from '../../src/report/promptfoo.ts';
import type { Report } from '../../src/report/report.ts';
import { sampleReport } from './sample-report.ts';

const SAMPLE = sampleReport();
const reportWith = (changes: Partial<Report> = {}): Report => ({ ...SAMPLE, ...changes });

const HERE = { baseURL: 'http://127.0.0.1:8484/v1', apiKeyEnv: null };

interface Config {
  description: string;
  prompts: { id: string; label: string; raw: string }[];
  providers: { id: string; label: string; prompts: string[]; config?: Record<string, unknown> }[];
  defaultTest?: { assert: { type: string; metric: string; value: string }[] };
  tests: string;
}

function configOf(
  changes: Partial<Report> = {},
  server: Parameters<typeof promptfooConfig>[1] = HERE,
  maxOutputTokens?: number,
): Config {
  return parse(promptfooConfig({ ...reportWith(changes), winnerModel: 'ft:mini:a' }, server, maxOutputTokens));
}

const { baseline } = reportWith();
const alternative = { model: 'gpt-4.1-nano', judged: null, comparison: null, failure: null };

describe('providers', () => {
  test('each provider gets its own prompt: the winner that of its training, a live baseline and alternatives the original', () => {
    const live = { ...baseline, kind: 'live' as const, model: 'gpt-4.1' };
    const { providers, prompts } = configOf({ baseline: live, alternatives: [alternative] });
    expect(providers.map(({ id, label, prompts: [prompt] }) => [id, label, prompt])).toEqual([
      ['openai:chat:ft:mini:a', 'winner', 'what the winner gets'],
      ['openai:chat:gpt-4.1', 'baseline', 'original prompt'],
      ['openai:chat:gpt-4.1-nano', 'alternative: gpt-4.1-nano', 'original prompt'],
    ]);
    expect(prompts.map(({ label, raw }) => [label, raw])).toEqual([
      ['what the winner gets', '{{treated}}'],
      ['original prompt', '{{original}}'],
    ]);
  });

  test('a recorded baseline answers from the record, and no model is asked with the original prompt', () => {
    const recorded = { ...baseline, kind: 'recorded' as const, score: 0.7 };
    const { providers, prompts } = configOf({ baseline: recorded, alternatives: [] });
    expect(providers[1]).toEqual({ id: 'echo', label: 'baseline (recorded)', prompts: ['recorded answer'] });
    expect(prompts.map(({ raw }) => raw)).toEqual(['{{treated}}', '{{recorded | load}}']);
    expect(asksOriginal(reportWith({ baseline: recorded, alternatives: [] }))).toBe(false);
  });

  test('a recorded baseline without a score is left out', () => {
    const recorded = { ...baseline, kind: 'recorded' as const, score: null };
    expect(configOf({ baseline: recorded, alternatives: [] }).providers).toHaveLength(1);
  });

  test('providers are asked at the address of the pipeline, as a run asks them, with a key that is only named', () => {
    const server = { baseURL: 'https://api.example.com/v1', apiKeyEnv: 'MY_KEY' };
    expect(configOf({}, server, 64).providers[0]?.config).toEqual({
      apiBaseUrl: 'https://api.example.com/v1',
      apiKeyEnvar: 'MY_KEY',
      omitDefaults: true,
      temperature: 0,
      passthrough: { max_completion_tokens: 64 },
    });
    expect(configOf().providers[0]?.config).toMatchObject({ apiBaseUrl: HERE.baseURL, apiKey: 'none' });
    const openai = configOf({}, { baseURL: null, apiKeyEnv: 'OPENAI_API_KEY' }).providers[0]?.config;
    expect(openai).toEqual({ apiKeyEnvar: 'OPENAI_API_KEY', omitDefaults: true, temperature: 0 });
  });
});

test('a model whose name would be a template is refused, because promptfoo would fill in the variable', () => {
  for (const changes of [{ model: '{{ env.SECRET }}' }, { model: 'a}}' }]) {
    expect(() => configOf({ alternatives: [{ ...alternative, ...changes }] })).toThrow(
      expect.objectContaining({ code: 'REPORT_UNREADABLE', message: expect.stringContaining(changes.model) }),
    );
  }
});

describe('scoring', () => {
  /** Promptfoo's handling of an assertion in JavaScript. */
  function isRight(config: Config, output: string, test: string): boolean {
    const value = config.defaultTest?.assert[0]?.value ?? '';
    const { vars } = JSON.parse(test);
    return new Function('output', 'context', `return ${value}`)(output, { vars });
  }

  test.each([' refund ', 'money back'])('%j is right where it is one of the right answers', (output) => {
    const test = promptfooTest({ treated: [], original: null, recorded: null, expected: ['refund', 'money back\n'] });
    expect(isRight(configOf({ metric: 'accuracy' }), output, test)).toBe(true);
    expect(isRight(configOf({ metric: 'exact_match' }), `${output}s`, test)).toBe(false);
  });

  test('a metric that promptfoo lacks is not replaced by another one', () => {
    const config = configOf({ metric: 'rouge_l' });
    expect(config.defaultTest).toBeUndefined();
    expect(config.description).toContain('promptfoo does not know the metric rouge_l');
  });
});

test('rows are read from the file beside the config', () => {
  expect(configOf().tests).toBe('file://tests.jsonl');
});

test('no text of a row is a template, names a file or changes on its way', () => {
  const parts = [
    '{{',
    '}}',
    '{%',
    '%}',
    '{#',
    '#}',
    ' env.SECRET ',
    'treated',
    ' endraw ',
    'file:///etc/passwd',
    '\\',
    '"',
    '\n',
    '{',
    '}',
  ];
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.array(fc.constantFrom(...parts, 'package:x', '\ud800'), { maxLength: 12 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(text, text, text, (input, instructions, answer) => {
      const row = {
        treated: [{ role: 'user' as const, content: input }],
        original: [
          { role: 'system' as const, content: instructions },
          { role: 'user' as const, content: input },
        ],
        recorded: answer,
        expected: [answer, instructions],
      };
      const line = promptfooTest(row);
      expect(line).not.toContain('\n');
      const { vars }: { vars: Record<string, string> } = JSON.parse(line);
      for (const value of Object.values(vars)) {
        expect(value).not.toMatch(/\{[{%#]|[}%#]\}/);
        expect(value).toMatch(/^["[]/);
      }
      const read = Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, JSON.parse(value)]));
      expect(read).toEqual(row);
    }),
  );
});
