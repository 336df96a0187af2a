import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

import OpenAI from 'openai';
import { z } from 'zod';
import { startTrainer, type Trainer } from '../../packages/local-trainer/src/server.ts';
import { jobWhen, jsonl, labelled, temporaryFolder } from '../local-trainer/sample-data.ts';

// Real threads and processes on a machine that may be busy: the usual 5 s are too tight.
jest.setTimeout(30_000);

const SPEC = join(__dirname, '../../../shared/spec/openai-fine-tuning.openapi.json');
const withSpec = existsSync(SPEC) ? describe : describe.skip;
if (!existsSync(SPEC)) console.warn(`Skipped: the specification is not there (${SPEC}).`);

/** Chat completions are not in the specification: the fields that the official client's types call required. */
const chatCompletion = z.object({
  id: z.string().startsWith('chatcmpl-'),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      finish_reason: z.enum(['stop', 'length']),
      logprobs: z.null(),
      message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
    }),
  ),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }),
});

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
}

interface Spec {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The template of the specification that a path belongs to; the one with the fewest variables. */
function templateOf(spec: Spec, path: string, method: string): string | undefined {
  return Object.keys(spec.paths)
    .filter((template) => new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path))
    .filter((template) => method in (spec.paths[template] ?? {}))
    .sort((a, b) => a.split('{').length - b.split('{').length)[0];
}

function pointer(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');
}

withSpec('every answer of the trainer obeys the specification', () => {
  const folder = temporaryFolder();
  const exchanges: Exchange[] = [];
  let trainer: Trainer;
  let client: OpenAI;

  const recording: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    // The client tests its fetch on a data: URL.
    if (!String(input).startsWith('http')) return response;
    const text = await response.clone().text();
    const isJson = response.headers.get('content-type')?.includes('application/json') === true;
    const { pathname } = new URL(String(input));
    const body: unknown = isJson ? JSON.parse(text) : text;
    exchanges.push({
      method: (init?.method ?? 'get').toLowerCase(),
      path: pathname.replace(/^\/v1/, ''),
      status: response.status,
      body,
    });
    return response;
  };

  const refused = async (work: Promise<unknown>) => expect(work).rejects.toBeInstanceOf(OpenAI.APIError);

  beforeAll(async () => {
    trainer = await startTrainer({ dir: folder.dir });
    client = new OpenAI({ baseURL: trainer.baseURL, apiKey: 'unused', maxRetries: 0, fetch: recording });

    await client.files.list();
    await client.models.list();
    const upload = (text: string) =>
      client.files.create({ file: new File([text], 'train.jsonl'), purpose: 'fine-tune' });
    const training = await upload(jsonl(labelled(40)));
    const validation = await upload(jsonl(labelled(12, 4)));
    const short = await upload(jsonl(labelled(5)));
    await client.files.retrieve(training.id);
    await client.files.list({ purpose: 'fine-tune', limit: 1, order: 'asc' });
    await (await client.files.content(training.id)).text();

    const request = { model: 'local-nano', training_file: training.id, validation_file: validation.id };
    const job = await client.fineTuning.jobs.create({
      ...request,
      suffix: 'contract',
      metadata: { key: 'value' },
      method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 2 } } },
    });
    const failing = await client.fineTuning.jobs.create({ model: 'local-nano', training_file: short.id });
    const cancelled = await client.fineTuning.jobs.create(request);
    await client.fineTuning.jobs.cancel(cancelled.id);
    const done = await jobWhen(client, job.id, ({ status }) => status === 'succeeded');
    await jobWhen(client, failing.id, ({ status }) => status === 'failed');
    await client.fineTuning.jobs.list({ limit: 2, metadata: { key: 'value' } });
    await client.fineTuning.jobs.listEvents(job.id, { limit: 100 });
    await client.fineTuning.jobs.checkpoints.list(job.id);
    await (await client.files.content(done.result_files[0] ?? '')).text();

    const model = done.fine_tuned_model ?? '';
    await client.models.list();
    await client.models.retrieve(model);
    for (const name of [model, 'local-base']) {
      await client.chat.completions.create({ model: name, messages: [{ role: 'user', content: 'my invoice' }] });
    }
    await client.models.delete(model);
    await client.files.delete(short.id);

    await refused(upload(''));
    await refused(client.files.create({ file: new File(['x'], 'x'), purpose: 'vision' }));
    await refused(client.files.list({ limit: 0 }));
    await refused(client.files.retrieve('file-none'));
    await refused(client.files.delete('file-none'));
    await refused(client.files.content('file-none'));
    await refused(client.fineTuning.jobs.create({ ...request, model: 'none' }));
    await refused(client.fineTuning.jobs.create({ ...request, seed: 0.5 }));
    await refused(client.fineTuning.jobs.list({ after: 'none' }));
    await refused(client.fineTuning.jobs.retrieve('ftjob-none'));
    await refused(client.fineTuning.jobs.cancel(job.id));
    await refused(client.fineTuning.jobs.cancel('ftjob-none'));
    await refused(client.fineTuning.jobs.listEvents('ftjob-none'));
    await refused(client.fineTuning.jobs.checkpoints.list('ftjob-none'));
    await refused(client.models.retrieve(model));
    await refused(client.models.delete('local-nano'));
    await refused(client.chat.completions.create({ model, messages: [{ role: 'user', content: 'x' }] }));
    await refused(client.chat.completions.create({ model: 'local-nano', messages: [] }));
    await refused(client.post('/chat/completions', { body: 'no object' }));
    await refused(client.get('/none'));
  });

  afterAll(async () => {
    await trainer.close();
    folder.remove();
  });

  test('bodies of success and of errors have the shapes of the specification', () => {
    const spec = JSON.parse(readFileSync(SPEC, 'utf8')) as Spec;
    const ajv = new Ajv2020({ strict: false, allErrors: true });

    // The formats used are those of numbers and dates; the shapes are what is checked.
    for (const format of ['unixtime', 'date', 'uri', 'date-time']) ajv.addFormat(format, true);
    ajv.addSchema(spec, 'spec');
    const schemaFor = ({ method, path, status }: Exchange): ValidateFunction => {
      if (status >= 400) return ajv.compile({ $ref: `spec#${pointer('components', 'schemas', 'ErrorResponse')}` });
      const template = templateOf(spec, path, method);
      if (template === undefined) throw new Error(`${method} ${path} is not in the specification`);
      const place = ['paths', template, method, 'responses', `${status}`, 'content', 'application/json', 'schema'];
      return ajv.compile({ $ref: `spec#${pointer(...place)}` });
    };
    const broken = exchanges
      .filter(({ path, status }) => !(path === '/chat/completions' && status === 200))
      .flatMap((exchange) => {
        const validate = schemaFor(exchange);
        return validate(exchange.body) ? [] : [{ ...exchange, errors: validate.errors }];
      });
    expect(broken).toEqual([]);
    expect(exchanges.filter(({ status }) => status >= 400)).toHaveLength(20);
  });

  test('each operation of the server has succeeded at least once', () => {
    const spec = JSON.parse(readFileSync(SPEC, 'utf8')) as Spec;
    const seen = exchanges
      .filter(({ status }) => status === 200)
      .map(({ method, path }) => `${method} ${templateOf(spec, path, method) ?? path}`);
    expect([...new Set(seen)].sort()).toEqual([
      'delete /files/{file_id}',
      'delete /models/{model}',
      'get /files',
      'get /files/{file_id}',
      'get /files/{file_id}/content',
      'get /fine_tuning/jobs',
      'get /fine_tuning/jobs/{fine_tuning_job_id}',
      'get /fine_tuning/jobs/{fine_tuning_job_id}/checkpoints',
      'get /fine_tuning/jobs/{fine_tuning_job_id}/events',
      'get /models',
      'get /models/{model}',
      'post /chat/completions',
      'post /files',
      'post /fine_tuning/jobs',
      'post /fine_tuning/jobs/{fine_tuning_job_id}/cancel',
    ]);
  });

  test('chat completions have the shape of the official client', () => {
    const answers = exchanges.filter(({ path, status }) => path === '/chat/completions' && status === 200);
    expect(answers).toHaveLength(2);
    for (const { body } of answers) expect(chatCompletion.safeParse(body).error).toBeUndefined();
  });
});
