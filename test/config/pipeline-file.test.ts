import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parsePipeline, readPipelineFile } from '../../src/config/pipeline-file.ts';
import { TuneloopError } from '../../src/errors.ts';
import { SOURCE_KINDS } from '../../src/sources/kinds/index.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
const EXAMPLE = path.join(import.meta.dirname, '..', '..', 'examples', 'support-triage', 'pipeline.yaml');

/** Four lines that need nothing more. */
const LEAST = `name: shop
task: classification
source: { type: jsonl, path: log.jsonl }
candidates: { models: [local-nano] }
`;
const GENERATION = LEAST.replace('classification', 'generation');

function refusal(text: string): string {
  try {
    parsePipeline(text, 'p.yaml');
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'PIPELINE_INVALID') return error.message;
    throw error;
  }
  throw new Error('the pipeline was not refused');
}

describe('a pipeline', () => {
  test('a pipeline needs four keys; the others have defaults', () => {
    expect(parsePipeline(LEAST, 'p.yaml')).toStrictEqual({
      name: 'shop',
      task: 'classification',
      source: { type: 'jsonl', path: 'log.jsonl' },
      clean: { rows: 'lenient', instructions: 'auto', duplicates: 'exact', redact: [], phone_region: 'US' },
      split: { validation: 0.15, test: 0.15, by: 'hash', seed: 1 },
      provider: 'local',
      candidates: {
        models: ['local-nano'],
        learning_rate_multiplier: [0.5, 1, 2],
        epochs: 4,
        treatment: 'strip',
        early_stop: true,
        checkpoints: true,
        half_data: false,
      },
      evaluation: { metric: 'accuracy', baseline: 'recorded', alternatives: [], concurrency: 8 },
      selection: { margin: 0.01, max_invalid: 0.1 },
      deadlines: {
        validating_minutes: 60,
        queued_minutes: 1440,
        running_minutes: 1440,
        ready_minutes: 30,
        serving_minutes: 60,
      },
      promotion: {
        by: 'approval',
        deadline_hours: 72,
        canary: {
          stages: [
            { share: 0.1, min_calls: 200 },
            { share: 0.5, min_calls: 500 },
          ],
          every_seconds: 60,
          max_errors: 0.02,
          max_slowdown: 2,
          max_quality_loss: 0.02,
        },
      },
      retraining: { timezone: 'UTC', jitter_minutes: 0, min_new_examples: 200, min_growth: 0.2, shutdown_days: 45 },
    });
  });

  test('a pipeline has the defaults within a part that names other keys', () => {
    const { clean, split, evaluation } = parsePipeline(
      `${LEAST}clean: { duplicates: keep }\nsplit: { seed: 7 }\nevaluation: { concurrency: 2 }\n`,
      'p.yaml',
    );
    expect(clean).toMatchObject({ rows: 'lenient', instructions: 'auto', duplicates: 'keep' });
    expect(split).toEqual({ validation: 0.15, test: 0.15, by: 'hash', seed: 7 });
    expect(evaluation).toEqual({ metric: 'accuracy', baseline: 'recorded', alternatives: [], concurrency: 2 });
  });

  test('a pipeline of generation is judged by rouge_l unless it says otherwise', () => {
    expect(parsePipeline(GENERATION, 'p.yaml').evaluation.metric).toBe('rouge_l');
    const similar = `${GENERATION}evaluation: { metric: similarity }\n`;
    expect(parsePipeline(similar, 'p.yaml').evaluation.metric).toBe('similarity');
  });

  test.each([
    ['0', 0.2],
    ['0.3', 0.15],
    ['{ file: test.jsonl }', 0.15],
  ])('a pipeline with split.test: %s validates on a share of %d', (test, validation) => {
    expect(parsePipeline(`${LEAST}split: { test: ${test} }\n`, 'p.yaml').split.validation).toBe(validation);
  });

  test('a pipeline may set every key', () => {
    const text = `${GENERATION}$schema: ../schema.json
clean: { instructions: auto, duplicates: keep }
split: { validation: 0.3, test: { file: test.jsonl }, seed: 0 }
provider: { profile: 'generic', baseURL: 'https://api.example.com/v1', apiKeyEnv: EXAMPLE_KEY }
evaluation: { metric: exact_match, baseline: { live: gpt-4o }, concurrency: 64, max_output_tokens: 5 }
selection: { margin: 0.01, max_cost_per_1k_usd: 0.5, max_p95_ms: 800 }
budget_usd: 25
retraining: { cron: '0 3 * * 1', timezone: Europe/Berlin }
`;
    expect(parsePipeline(text, 'p.yaml')).toMatchObject({
      split: { validation: 0.3, test: { file: 'test.jsonl' }, seed: 0 },
      provider: { profile: 'generic', baseURL: 'https://api.example.com/v1', apiKeyEnv: 'EXAMPLE_KEY' },
      evaluation: { metric: 'exact_match', baseline: { live: 'gpt-4o' }, concurrency: 64, max_output_tokens: 5 },
      selection: { margin: 0.01, max_cost_per_1k_usd: 0.5, max_p95_ms: 800 },
      budget_usd: 25,
      retraining: { cron: '0 3 * * 1', timezone: 'Europe/Berlin' },
    });
  });

  test('a pipeline may be JSON, indented by spaces or tabs', () => {
    const pipeline = {
      name: 'shop',
      task: 'classification',
      source: { type: 'jsonl', path: 'log.jsonl' },
      candidates: { models: ['local-nano'] },
    };
    for (const indent of [undefined, 2, '\t']) {
      expect(parsePipeline(JSON.stringify(pipeline, null, indent), 'p.json')).toEqual(parsePipeline(LEAST, 'p.yaml'));
    }
  });

  test('a pipeline may begin with a byte order mark and end its lines in CR LF', () => {
    expect(parsePipeline(`\ufeff${LEAST.replaceAll('\n', '\r\n')}`, 'p.yaml')).toEqual(parsePipeline(LEAST, 'p.yaml'));
  });
});

describe('a mistake is named by file, line and key, with what is allowed', () => {
  test.each<[mistake: string, text: string, message: string]>([
    [
      'an unknown key at the top',
      `${LEAST}sources: 1\n`,
      'p.yaml:5: unknown key sources; allowed here: $schema, name, task, labels, multi_label, target, source, clean, split, provider, original_provider, candidates, ' +
        'evaluation, selection, labelling, budget_usd, deadlines, promotion, notify, retraining',
    ],
    [
      'an unknown key inside',
      `${LEAST}evaluation:\n  concurrency: 2\n  metrics: accuracy\n`,
      'p.yaml:7: unknown key evaluation.metrics; allowed here: metric, baseline, alternatives, judge, scorer, json_schema, constrain, concurrency,',
    ],
    [
      'a wrong type',
      `${LEAST}\n\nevaluation:\n  concurrency: many\n`,
      'p.yaml:8: evaluation.concurrency must be of type number, found "many"',
    ],
    [
      'a wrong type in a list',
      LEAST.replace('[local-nano]', '[local-nano,\n  5]'),
      'p.yaml:5: candidates.models.1 must be of type string, found 5',
    ],
    ['a part that is no map', `${LEAST}split: 4\n`, 'p.yaml:5: split must be of type object, found 4'],
    [
      'a value that is not one of those allowed',
      LEAST.replace('classification', 'classify'),
      'p.yaml:2: task must be "classification" or "generation", found "classify"',
    ],
    [
      'a value that is not the one allowed',
      LEAST.replace('type: jsonl', 'type: xml'),
      `p.yaml:3: source.type must be ${SOURCE_KINDS.map(({ type }) => `"${type}"`).join(' or ')}, found "xml"`,
    ],
    [
      'a value of none of several forms',
      `${LEAST}provider: opnai\n`,
      'p.yaml:5: provider must be "local" or "openai" or "azure" or "crusoe" or "nebius" or "fireworks" or "together" or {profile, baseURL, trainer, machine_usd_per_hour, addresses, apiKeyEnv, settling_seconds, limits, options}',
    ],
    [
      'a profile that nobody has',
      `${LEAST}provider: { profile: bedrock }\n`,
      'p.yaml:5: provider.profile must be "local" or "openai" or "azure" or "crusoe" or "nebius" or "fireworks" or "together" or "generic"',
    ],
    [
      'the generic profile without an address',
      `${LEAST}provider: generic\n`,
      'p.yaml:5: provider generic needs an address and a key: write { profile: generic, baseURL: https://..., apiKeyEnv: NAME_OF_A_VARIABLE }',
    ],
    [
      'a baseline of neither form',
      `${LEAST}evaluation:\n  baseline: { life: gpt-4o }\n`,
      'p.yaml:6: evaluation.baseline must be "recorded" or {live}, found {"life":"gpt-4o"}',
    ],
    [
      'neither a number nor a list of numbers',
      LEAST.replace(']', '], learning_rate_multiplier: [1, fast]'),
      'p.yaml:4: candidates.learning_rate_multiplier must be a number or a list of numbers, found [1,"fast"]',
    ],
    [
      'a number that is too small',
      LEAST.replace(']', '],\n  epochs: [1,\n  0]'),
      'p.yaml:6: candidates.epochs.1 too small: expected number to be >=1, found 0',
    ],
    [
      'a number that is too big',
      `${LEAST}evaluation: { concurrency: 65 }\n`,
      'p.yaml:5: evaluation.concurrency too big: expected number to be <=64, found 65',
    ],
    ['a missing key', LEAST.replace('name: shop\n', ''), 'p.yaml:1: name is missing: it must be of type string'],
    [
      'a missing key inside, on the line of its part',
      LEAST.replace(', path: log.jsonl', ''),
      'p.yaml:3: source.path is missing: it must be of type string',
    ],
    [
      'a name that cannot be an id',
      LEAST.replace('shop', 'Shop_1'),
      'p.yaml:1: name must be 1 to 63 lower-case letters, digits and hyphens, found "Shop_1"',
    ],
    [
      'a time zone that does not exist',
      `${LEAST}retraining:\n  cron: 0 3 * * 1\n  timezone: Berlin\n`,
      'p.yaml:7: retraining.timezone must be an IANA name such as Europe/Berlin',
    ],
    [
      'more jobs than twelve',
      LEAST.replace(']', ', local-mini], epochs: [1, 2, 3]'),
      'p.yaml:4: candidates makes 18 jobs: set candidates.jobs to 9 to try a choice of them, or to 18 for all',
    ],
    [
      'a metric of the other task',
      `${LEAST}evaluation:\n  metric: rouge_l\n`,
      'p.yaml:6: evaluation.metric does not fit task classification: allowed are accuracy, custom',
    ],
    [
      'a metric of classification for generation',
      `${GENERATION}evaluation:\n  metric: accuracy\n`,
      'p.yaml:6: evaluation.metric does not fit task generation: allowed are rouge_l, bleu, similarity,',
    ],
    [
      'a judge that is not there',
      `${GENERATION}evaluation:\n  metric: judge\n`,
      'p.yaml:6: evaluation.metric the metric judge needs evaluation.judge',
    ],
    [
      'a scorer that nobody asks',
      `${LEAST}evaluation:\n  scorer: { module: ./score.mjs }\n`,
      'p.yaml:6: evaluation.scorer is only used by the metric custom: set evaluation.metric to custom, or leave it out',
    ],
    [
      'a JSON Schema for labels',
      `${LEAST}evaluation:\n  json_schema: schema.json\n`,
      'p.yaml:6: evaluation.json_schema is for generation',
    ],
    [
      'no row left to train on',
      `${LEAST}split:\n  validation: 0.5\n  test: 0.5\n`,
      'p.yaml:5: split validation and test together take 1 of the rows: leave some to train on',
    ],
    ['no share to choose by', `${LEAST}split: { validation: 0 }\n`, 'p.yaml:5: split.validation too small'],
    ['a repeated key', `${LEAST}name: other\n`, 'p.yaml:5: Map keys must be unique'],
    ['broken YAML', `${LEAST}split:\n  seed: 1\n  [\n`, 'p.yaml:7: '],
    ['a second document', `${LEAST}---\nname: other\n`, 'p.yaml:5: '],
    ['broken JSON', '{\n  "name": "shop",\n  "task" "classification"\n}\n', 'p.yaml:3: '],
    ['an empty file', '', 'p.yaml:1: the file must be of type object'],
    ['a list', '- name: shop\n', 'p.yaml:1: the file must be of type object'],
  ])('%s', (_mistake, text, message) => {
    expect(refusal(text).split('\n')).toContainEqual(expect.stringContaining(message));
  });

  test('all mistakes are named at once, one a line', () => {
    const text = LEAST.replace('shop', 'Shop').replace('path:', 'pth:').replace('task:', 'tsk:');
    const problems = refusal(text).split('\n');
    expect(problems.map((problem) => /^p\.yaml:(\d): (?:unknown key )?([\w.]+)/.exec(problem)?.slice(1))).toEqual(
      expect.arrayContaining([
        ['1', 'name'],
        ['1', 'task'],
        ['2', 'tsk'],
        ['3', 'source.path'],
        ['3', 'source.pth'],
      ]),
    );
    expect(problems).toHaveLength(5);
  });

  test('a mistake in a JSON file is named too', () => {
    const text = JSON.stringify({ ...parsePipeline(LEAST, 'p.yaml'), evaluation: { concurency: 4 } }, null, 2);
    const line = text.split('\n').findIndex((each) => each.includes('concurency')) + 1;
    expect(refusal(text)).toMatch(new RegExp(`^p\\.yaml:${line}: unknown key evaluation\\.concurency;`));
  });

  test('a mistake after lines that end in CR LF is named too', () => {
    expect(refusal(`${LEAST}sources: 1\n`.replaceAll('\n', '\r\n'))).toMatch(/^p\.yaml:5: unknown key sources;/);
  });
});

describe('jobs', () => {
  test('twelve jobs are allowed, and more if candidates.jobs asks for them', () => {
    const models = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`).join(', ');
    const text = (count: number, more = '') => LEAST.replace('[local-nano]', `[${models(count)}]${more}`);
    expect(parsePipeline(text(4), 'p.yaml').candidates.models).toHaveLength(4);
    expect(() => parsePipeline(text(5), 'p.yaml')).toThrow('makes 15 jobs');
    expect(parsePipeline(text(5, ', jobs: 15'), 'p.yaml').candidates.jobs).toBe(15);
  });

  test('repeated values count once as jobs', () => {
    const text = LEAST.replace(']', ', m1, m2, m3, m3], learning_rate_multiplier: [0.5, 1, 1], epochs: [1, 1]');
    expect(parsePipeline(text, 'p.yaml').candidates.jobs).toBeUndefined();
    const more = text.replace('epochs: [1, 1]', 'epochs: [1, 2]');
    expect(() => parsePipeline(more, 'p.yaml')).toThrow('makes 16 jobs');
  });
});

describe('a provider', () => {
  const at = (baseURL: string) => `${LEAST}provider: { profile: generic, baseURL: '${baseURL}', apiKeyEnv: MY_KEY }\n`;

  test.each([
    'https://api.example.com/v1',
    'http://localhost:8080/v1',
    'http://127.0.0.1:9/v1',
    'http://127.8.9.10/v1',
    'http://[::1]:8080/v1',
  ])('a provider may be at %s', (baseURL) => {
    expect(parsePipeline(at(baseURL), 'p.yaml').provider).toEqual({ profile: 'generic', baseURL, apiKeyEnv: 'MY_KEY' });
  });

  test.each([
    'http://api.example.com/v1',
    'http://10.0.0.1/v1',
    'http://0.0.0.0/v1',
    'http://localhost.example.com/v1',
    'http://127.0.0.1.example.com/v1',
    'http://127.0.0.1@example.com/v1',
    'http://[::2]/v1',
    'ftp://localhost/v1',
    'file:///etc/passwd',
  ])('a provider may not be at %s, where a key could be read on the way', (baseURL) => {
    expect(refusal(at(baseURL))).toBe(
      'p.yaml:5: provider.baseURL must be https:, or http: on a loopback address, because a key or production data are sent there',
    );
  });

  test.each(['sk-abc', 'my_key', '1KEY', ''])(
    'a provider names the variable of its key, not a key such as %j',
    (apiKeyEnv) => {
      const text = `${LEAST}provider: { profile: generic, baseURL: 'https://api.example.com', apiKeyEnv: '${apiKeyEnv}' }\n`;
      expect(refusal(text)).toMatch(
        /^p\.yaml:5: provider\.apiKeyEnv must be the name of an environment variable, not the key itself/,
      );
    },
  );

  test.each([
    'provider: sk-secret',
    'original_provider: sk-secret',
    'original_provider: { profile: sk-secret }',
    'original_provider: { profile: openai, apiKeyEnv: sk-secret }',
  ])('a key that was written into the file is not repeated: %s', (line) => {
    const text = refusal(`${LEAST}${line}\n`);
    expect(text).toMatch(/^p\.yaml:5: (original_)?provider/);
    expect(text).not.toContain('sk-secret');
  });
});

describe('a pipeline file', () => {
  test('the pipeline file of the example can be used unchanged', async () => {
    const pipeline = await readPipelineFile(EXAMPLE);
    expect(pipeline).toMatchObject({ name: 'support-triage', task: 'classification', provider: 'local' });
    expect(pipeline.source).toMatchObject({ path: path.join(path.dirname(EXAMPLE), 'log.jsonl') });
  });

  test('a pipeline file has absolute paths once read, taken relative to it and not to the working directory', async () => {
    const inner = path.join(folder, 'project');
    mkdirSync(inner);
    const file = path.join(inner, 'p.yaml');
    writeFileSync(file, `${LEAST.replace('log.jsonl', '"../logs/*.jsonl"')}split: { test: { file: test.jsonl } }\n`);
    for (const name of [file, path.relative(process.cwd(), file)]) {
      const { source, split } = await readPipelineFile(name);
      expect(source).toMatchObject({ path: path.join(folder, 'logs', '*.jsonl') });
      expect(split.test).toEqual({ file: path.join(inner, 'test.jsonl') });
    }
  });

  test('a pipeline file has the later answers that lie beside it, unless it names others', async () => {
    const file = path.join(folder, 'answered.yaml');
    writeFileSync(file, LEAST);
    const { name } = parsePipeline(LEAST, file);
    expect((await readPipelineFile(file)).source.actuals).toBeUndefined();
    writeFileSync(path.join(folder, `${name}.actuals.jsonl`), '');
    expect((await readPipelineFile(file)).source.actuals).toBe(path.join(folder, `${name}.actuals.jsonl`));
    writeFileSync(file, LEAST.replace('path: log.jsonl', 'path: log.jsonl, actuals: others.jsonl'));
    expect((await readPipelineFile(file)).source.actuals).toBe(path.join(folder, 'others.jsonl'));
  });

  describe('names a scorer and a schema', () => {
    const CUSTOM = `${GENERATION}evaluation:\n  metric: custom\n`;
    const read = (name: string, text: string) => {
      const file = path.join(folder, name);
      writeFileSync(file, text);
      return readPipelineFile(file);
    };

    test('a pipeline file names a scorer and a schema by paths relative to the file', async () => {
      mkdirSync(path.join(folder, 'scorers'));
      const files = ['scorers/words.mjs', 'answer.json'].map((name) => path.join(folder, name));
      for (const file of files) writeFileSync(file, '');
      const { evaluation } = await read(
        'custom.yaml',
        `${CUSTOM}  scorer: { module: ./scorers/words.mjs }\n  json_schema: answer.json\n`,
      );
      expect(evaluation).toMatchObject({
        scorer: { module: files[0], export: 'default' },
        json_schema: files[1],
      });
      const absolute = await read('absolute-scorer.yaml', `${CUSTOM}  scorer: { module: ${files[0]} }\n`);
      expect(absolute.evaluation.scorer?.module).toBe(files[0]);
    });

    test('a pipeline file names a scorer by the name of a package that is installed beside the file', async () => {
      const installed = path.join(folder, 'node_modules', 'word-scorers');
      mkdirSync(installed, { recursive: true });
      writeFileSync(path.join(installed, 'package.json'), '{"name":"word-scorers","main":"lib.js"}');
      writeFileSync(path.join(installed, 'lib.js'), '');
      const { evaluation } = await read('package.yaml', `${CUSTOM}  scorer: { module: word-scorers, export: Words }\n`);
      expect(evaluation.scorer).toEqual({ module: path.join(installed, 'lib.js'), export: 'Words' });
    });

    test.each([
      ['scorer: { module: ./none.mjs }', 'evaluation.scorer.module names ./none.mjs, and there is no such file in'],
      ['scorer: { module: no-such-package }', 'evaluation.scorer.module names no-such-package, and no package'],
      ['scorer: { module: fs }', 'evaluation.scorer.module names fs, and no package'],
      ['scorer: { module: lib.js }', 'evaluation.scorer.module names lib.js, and no package'],
    ])('the setting %s is refused with line and key', async (line, message) => {
      await expect(read('absent.yaml', `${CUSTOM}  ${line}\n`)).rejects.toMatchObject({
        code: 'PIPELINE_INVALID',
        message: expect.stringContaining(`absent.yaml:7: ${message}`),
      });
    });

    test('a missing schema is refused with line and key', async () => {
      await expect(read('schema.yaml', `${GENERATION}evaluation: { json_schema: none.json }\n`)).rejects.toMatchObject({
        code: 'PIPELINE_INVALID',
        message: expect.stringContaining(
          'schema.yaml:5: evaluation.json_schema names none.json, and there is no such file',
        ),
      });
    });
  });

  test('a pipeline file keeps paths that are absolute', async () => {
    const file = path.join(folder, 'absolute.yaml');
    writeFileSync(file, LEAST.replace('log.jsonl', '/var/log/shop.jsonl'));
    expect((await readPipelineFile(file)).source).toMatchObject({ path: path.resolve('/var/log/shop.jsonl') });
  });

  test('a missing pipeline file is named, with advice', async () => {
    const file = path.join(folder, 'missing.yaml');
    await expect(readPipelineFile(file)).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
      message: expect.stringMatching(/missing\.yaml: .*\. Name a pipeline file, for example examples\//),
    });
  });

  test('a folder in place of a pipeline file is refused', async () => {
    await expect(readPipelineFile(folder)).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
      message: expect.stringContaining(folder),
    });
  });

  test('a pipeline file with a mistake is named as it was given', async () => {
    const file = path.join(folder, 'mistaken.yaml');
    writeFileSync(file, `${LEAST}sources: 1\n`);
    await expect(readPipelineFile(file)).rejects.toThrow(`${file}:5: unknown key sources`);
  });
});

test('a glob without quotes is named as such', () => {
  expect(refusal(LEAST.replace('log.jsonl', '*.jsonl'))).toMatch(/^p\.yaml:3: .*needs quotes/);
});

test('an invalid base URL is refused', () => {
  expect(refusal(`${LEAST}provider: { profile: 'generic', baseURL: nonsense, apiKeyEnv: KEY }\n`)).toMatch(
    /^p\.yaml:5: provider\.baseURL/,
  );
});

test('the default share of validation counts where the shares are too large', () => {
  expect(refusal(`${LEAST}split: { test: 0.9 }\n`)).toMatch(/^p\.yaml:5: split validation and test together/);
});

test.each([
  "{ profile: 'generic', baseURL: 'https://x.com', apiKeyEnv: sk-abc }",
  "{ baseURL: 'https://x.com', apiKey: sk-abc }",
  'sk-abc',
])('a key in the file is not repeated: %s', (provider) => {
  const message = refusal(`${LEAST}provider: ${provider}\n`);
  expect(message).toMatch(/^p\.yaml:5: (unknown key )?provider/);
  expect(message).not.toContain('sk-abc');
});
