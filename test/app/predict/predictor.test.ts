import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type CapturedCall, type CaptureSink, jsonlSink } from '../../../packages/app/src/capture/index.ts';
import type { Alias } from '../../../packages/app/src/predict/alias.ts';
import {
  createPredictor,
  type PredictOptions,
  type Predictor,
  type PredictorOptions,
} from '../../../packages/app/src/predict/index.ts';
import { readServedCall } from '../../../packages/app/src/predict/served-call.ts';
import { trainingLine } from '../../../src/data/rows/training-line.ts';
import { parseLogRow } from '../../../src/sources/log-row.ts';
import { writeAlias } from '../../../src/stores/aliases.ts';
import { labelled, trainerWithClient } from '../../local-trainer/sample-data.ts';
import { until } from '../../setup/cli.ts';
import { temporaryFolder } from '../../stores/temporary-folder.ts';
import { type ModelServer, startModelServer } from './model-server.ts';
import { sampleAlias, servedModel, TEMPLATE } from './sample-alias.ts';

const folder = temporaryFolder();

let server: ModelServer;
beforeEach(async () => {
  server = await startModelServer();
  server.models['ft:champion'] = { says: ' billing\n' };
  server.models['ft:canary'] = { says: 'crash' };
  server.models.original = { says: 'delivery' };
});
afterEach(() => server.close());

let homes = 0;
const newHome = () => path.join(folder, `home-${++homes}`);

const predictors: Predictor[] = [];
afterEach(() => {
  for (const predictor of predictors.splice(0)) predictor.close();
});

/** A predictor of a deployment that is in a home folder of its own, with its log in memory. */
async function predictorOf(alias: Alias | null, options: Partial<PredictorOptions> = {}) {
  const home = options.home ?? newHome();
  if (alias) await writeAlias(home, alias);
  const calls: CapturedCall[] = [];
  const predictor = createPredictor({
    deployment: 'desk',
    home,
    client: server.client,
    sink: memorySink(calls),
    refreshMs: 60_000,
    ...options,
  });
  predictors.push(predictor);
  await predictor.refresh();
  const record = async () => {
    await until(() => calls.length > 0, 'a record');
    const [call] = calls;
    if (!call) throw new Error('there is no record');
    return call;
  };
  return {
    predictor,
    home,
    calls,
    record,
    predict: (input: string, given?: PredictOptions) => predictor.predict(input, given),
  };
}

function memorySink(calls: CapturedCall[]): CaptureSink {
  return {
    record: (call) => void calls.push(call),
    recordActual: () => {},
    flush: async () => {},
    close: async () => {},
    lost: 0,
  };
}

const rejection = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
};
const asked = () => server.requests.map(({ model }) => model);

describe('a call', () => {
  test('a call is answered by the champion, which gets the input alone', async () => {
    const { predict } = await predictorOf(sampleAlias({ maxOutputTokens: 7 }));
    expect(await predict('my invoice')).toEqual({
      id: 'chatcmpl-1',
      text: ' billing\n',
      label: 'billing',
      json: null,
      valid: true,
      model: 'ft:champion-dated',
      answeredBy: 'champion',
      arm: 'champion',
      outcome: 'ok',
      usage: { promptTokens: 12, completionTokens: 1 },
      finishReason: 'stop',
      latencyMs: expect.any(Number),
    });
    expect(server.requests).toEqual([
      {
        model: 'ft:champion',
        messages: [{ role: 'user', content: 'my invoice' }],
        temperature: 0,
        max_completion_tokens: 7,
      },
    ]);
  });

  test('a call is answered by a canary with its share', async () => {
    const { predict } = await predictorOf(sampleAlias({ canary: { ...servedModel('ft:canary'), share: 1 } }));
    expect(await predict('it broke')).toMatchObject({
      label: 'crash',
      arm: 'canary',
      answeredBy: 'canary',
      outcome: 'ok',
    });
  });

  test('a call takes its document from an answer in JSON', async () => {
    const jsonSchema = { type: 'object', required: ['topic'], properties: { topic: { type: 'string' } } };
    const champion = servedModel('ft:champion', { labels: null });
    const { predict } = await predictorOf(sampleAlias({ task: 'generation', champion, jsonSchema }));
    server.models['ft:champion'] = { says: '{"topic": "billing"}' };
    expect(await predict('my invoice')).toMatchObject({ json: { topic: 'billing' }, label: null, valid: true });
    server.models['ft:champion'] = { says: '{"topic": 1}' };
    server.models.original = { says: '{"topic": "crash"}' };
    expect(await predict('it broke')).toMatchObject({ json: { topic: 'crash' }, outcome: 'invalid' });
  });

  test('a call asks the original prompt elsewhere, where the application says so', async () => {
    const other = await startModelServer();
    other.models['other-model'] = { says: 'delivery' };
    const fallback = { client: other.client, model: 'other-model' };
    const { predict } = await predictorOf(sampleAlias(), { fallback });
    delete server.models['ft:champion'];
    expect(await predict('late parcel')).toMatchObject({ label: 'delivery', answeredBy: 'original' });
    expect(asked()).toEqual(['ft:champion']);
    other.close();
  });
});

describe('the original prompt answers where the model', () => {
  test.each([
    ['is unknown', { status: 404, code: 'model_not_found' }, 'error'],
    ['fails', { status: 500 }, 'error'],
    ['is overloaded', { status: 429, code: 'rate_limit_exceeded' }, 'error'],
    ['breaks off', 'breaks', 'error'],
    ['gives no JSON', { body: 'it works' }, 'error'],
    ['gives no completion', { body: '{}' }, 'error'],
    ['does not answer in time', 'hangs', 'error'],
    ['does not get on within its answer', 'stalls', 'error'],
    ['says what is no label', { says: 'weather' }, 'invalid'],
    ['says a label with more around it', { says: 'billing, I think' }, 'invalid'],
    ['says nothing', { says: ' ' }, 'invalid'],
    ['declines', { says: null }, 'invalid'],
    ['is cut off', { says: 'billing', because: 'length' }, 'invalid'],
  ] as const)('%s', async (_, behaviour, outcome) => {
    const { predict, record } = await predictorOf(sampleAlias());
    server.models['ft:champion'] = behaviour;
    const waits = behaviour === 'hangs' || behaviour === 'stalls';
    const prediction = await predict('late parcel', waits ? { timeoutMs: 3000 } : {});
    expect(prediction).toMatchObject({
      label: 'delivery',
      arm: 'champion',
      answeredBy: 'original',
      outcome,
      valid: true,
    });
    // Asked once, because the next model is the retry.
    expect(asked()).toEqual(['ft:champion', 'original']);
    const served = readServedCall((await record()).metadata);
    expect(served).toMatchObject({
      arm: 'champion',
      answeredBy: 'original',
      outcome,
      armLatencyMs: expect.any(Number),
    });
  });

  test('the original prompt answers where the model is switched off, or does not fit the prompt', async () => {
    const shutdownDate = '2020-01-01T00:00:00.000Z';
    const off = await predictorOf(sampleAlias({ champion: servedModel('ft:champion', { shutdownDate }) }));
    expect(await off.predict('late parcel')).toMatchObject({ answeredBy: 'original', outcome: 'shutdown' });
    expect(readServedCall((await off.record()).metadata)).toMatchObject({ outcome: 'shutdown', armLatencyMs: null });
    const { predictor } = await predictorOf(sampleAlias());
    const prompt = [{ role: 'user' as const, content: 'Write a poem.' }];
    expect(await predictor.predict(prompt)).toMatchObject({ answeredBy: 'original', outcome: 'unfit' });
    expect(server.requests.at(-1)).toMatchObject({ messages: prompt });
    expect(asked()).toEqual(['original', 'original']);
  });
});

test('the champion answers where the canary fails', async () => {
  const { predict } = await predictorOf(sampleAlias({ canary: { ...servedModel('ft:canary'), share: 1 } }));
  server.models['ft:canary'] = { status: 503 };
  expect(await predict('my invoice')).toMatchObject({ arm: 'canary', answeredBy: 'champion', outcome: 'error' });
});

test('an invalid answer is better than none, and is marked', async () => {
  const { predict, record } = await predictorOf(sampleAlias());
  server.models['ft:champion'] = { says: 'weather' };
  server.models.original = { status: 500 };
  expect(await predict('rain')).toMatchObject({
    text: 'weather',
    label: null,
    valid: false,
    answeredBy: 'champion',
    outcome: 'invalid',
  });
  expect(await record()).toMatchObject({ completion: 'weather' });
});

describe('where nobody answers', () => {
  test('the error of an unanswered call names each reason, and nothing of the prompt', async () => {
    const { predict, record } = await predictorOf(sampleAlias());
    server.models['ft:champion'] = { status: 404, code: 'model_not_found' };
    server.models.original = 'breaks';
    const error = await rejection(predict('SECRET'));
    expect(error).toMatchObject({
      code: 'PREDICTION_FAILED',
      message: expect.stringMatching(
        /^desk: no model could answer: champion ft:champion answered 404 model_not_found; original original could not be asked \((UND_ERR_SOCKET|ECONNRESET)\)$/,
      ),
    });
    expect(await record()).toMatchObject({
      id: expect.stringMatching(/^tuneloop-/),
      completion: null,
      model: null,
      metadata: { tuneloop_outcome: 'error', tuneloop_arm: 'champion' },
    });
  });

  test('an unanswered call is over after its time, which the asked models share', async () => {
    const { predict } = await predictorOf(sampleAlias(), { timeoutMs: 400 });
    server.models['ft:champion'] = 'hangs';
    server.models.original = 'stalls';
    const error = await rejection(predict('late parcel'));
    expect(error).toMatchObject({ code: 'PREDICTION_FAILED' });
    expect(String(error)).toMatch(
      /champion ft:champion did not answer within 200 ms; original original did not answer within/,
    );
    await until(() => server.open === 0, 'the connections to be closed');
  });

  test('the error of an unanswered call names the missing part', async () => {
    const none = await predictorOf(null);
    expect(String(await rejection(none.predict('late parcel')))).toMatch(
      /`home` has no alias of this name that can be read; .*: give the messages of the whole prompt$/,
    );
    const prompt = [{ role: 'user' as const, content: 'Sort: late parcel' }];
    expect(String(await rejection(none.predictor.predict(prompt)))).toContain('set fallback.model');
  });
});

describe('a caller who gives up', () => {
  test.each(['hangs', 'stalls'] as const)(
    'a caller who gives up ends the call at once where a model %s, and no other model is asked',
    async (how) => {
      const { predict, calls } = await predictorOf(sampleAlias());
      server.models['ft:champion'] = how;
      const caller = new AbortController();
      const prediction = predict('late parcel', { signal: caller.signal });
      await until(() => server.requests.length === 1, 'the request');
      const reason = new Error('changed my mind');
      caller.abort(reason);
      expect(await rejection(prediction)).toBe(reason);
      await until(() => server.open === 0, 'the connection to be closed');
      expect(asked()).toEqual(['ft:champion']);
      expect(calls).toEqual([]);
    },
  );

  test('a caller who gives up before the call causes no request', async () => {
    const { predict } = await predictorOf(sampleAlias());
    expect(await rejection(predict('late parcel', { signal: AbortSignal.abort() }))).toMatchObject({
      name: 'AbortError',
    });
    expect(asked()).toEqual([]);
  });

  test('a caller’s signal is not remembered by calls that are over', async () => {
    const { predict } = await predictorOf(sampleAlias());
    const { signal } = new AbortController();
    server.models['ft:champion'] = { status: 500 };
    await predict('late parcel', { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('a caller who gives up need not have a client that heeds signals', async () => {
    let isAsked = false;
    const deaf = server.client.withOptions({
      fetch: () => {
        isAsked = true;
        return new Promise(() => {});
      },
    });
    const { predict } = await predictorOf(sampleAlias(), { client: deaf });
    const caller = new AbortController();
    const prediction = predict('late parcel', { signal: caller.signal });
    await until(() => isAsked, 'the request');
    caller.abort();
    expect(await rejection(prediction)).toMatchObject({ name: 'AbortError' });
  });
});

describe('the alias', () => {
  test('the alias is read again in the background', async () => {
    const { predict, home } = await predictorOf(sampleAlias(), { refreshMs: 20 });
    expect(await predict('a')).toMatchObject({ answeredBy: 'champion' });
    await writeAlias(home, sampleAlias({ decision: 2, champion: null }));
    await until(async () => (await predict('a')).answeredBy === 'original', 'the new alias');
  });

  test('an unreadable alias leaves the last good one in use, and is reported once', async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => {
      errors.push(error);
      throw new Error('the handler fails too');
    };
    const { predictor, predict, home } = await predictorOf(sampleAlias(), { onError });
    writeFileSync(path.join(home, 'deployments/desk/000002.json'), '{"format":');
    await predictor.refresh();
    await predictor.refresh();
    expect(errors).toMatchObject([{ code: 'ALIAS_UNREADABLE' }]);
    expect(await predict('a')).toMatchObject({ answeredBy: 'champion' });
    await writeAlias(home, sampleAlias({ decision: 3, champion: null }));
    await predictor.refresh();
    expect(await predict('a')).toMatchObject({ answeredBy: 'original' });
  });

  test('an alias with an invalid schema is not taken', async () => {
    const errors: unknown[] = [];
    const { predictor, predict, home } = await predictorOf(sampleAlias(), { onError: (error) => errors.push(error) });
    await writeAlias(home, sampleAlias({ decision: 2, champion: null, jsonSchema: { type: 'nothing' } }));
    await predictor.refresh();
    expect(errors).toHaveLength(1);
    expect(await predict('a')).toMatchObject({ answeredBy: 'champion' });
  });

  test('an alias that is gone or older than the one in use is not taken', async () => {
    const { predictor, predict, home } = await predictorOf(sampleAlias({ decision: 5 }));
    rmSync(path.join(home, 'deployments'), { recursive: true });
    await predictor.refresh();
    expect(await predict('a')).toMatchObject({ answeredBy: 'champion' });
    await writeAlias(home, sampleAlias({ decision: 4, champion: null }));
    await predictor.refresh();
    expect(await predict('a')).toMatchObject({ answeredBy: 'champion' });
  });

  test('an alias of another deployment whose name has the same folder is not taken', async () => {
    const errors: unknown[] = [];
    const home = newHome();
    await writeAlias(home, sampleAlias({ pipeline: 'desk/a' }));
    const { predict } = await predictorOf(null, {
      home,
      deployment: 'desk_a',
      onError: (error) => errors.push(error),
    });
    expect(errors).toMatchObject([{ code: 'ALIAS_UNREADABLE' }]);
    await rejection(predict('a'));
    expect(asked()).toEqual([]);
  });

  test('a missing alias leaves the original prompt', async () => {
    const { predictor, home, record } = await predictorOf(null, { fallback: { model: 'original' } });
    const prompt = [{ role: 'user' as const, content: 'Sort this message into billing, crash or delivery.\nlate' }];
    expect(await predictor.predict(prompt)).toMatchObject({
      arm: 'original',
      text: 'delivery',
      label: null,
      outcome: 'ok',
    });
    expect(await record()).toMatchObject({ messages: prompt, metadata: { tuneloop_decision: '0' } });
    await writeAlias(home, sampleAlias());
    await predictor.refresh();
    expect(await predictor.predict(prompt)).toMatchObject({ arm: 'champion', label: 'billing' });
  });

  test('the alias is no longer read once the predictor is closed, and calls continue', async () => {
    const { predictor, predict, home } = await predictorOf(sampleAlias(), { refreshMs: 5 });
    predictor.close();
    // Its timer would be due no later than that of one which was made after it.
    const other = await predictorOf(null, { home, refreshMs: 5 });
    await writeAlias(home, sampleAlias({ decision: 2, champion: null }));
    await until(async () => (await other.predict('a')).answeredBy === 'original', 'the new alias');
    expect(await predict('a')).toMatchObject({ answeredBy: 'champion' });
  });
});

describe('the record of a call', () => {
  test('the record of a call has the original prompt, the answer, and the result of the arm', async () => {
    const { predict, record } = await predictorOf(sampleAlias({ decision: 7 }));
    const { id } = await predict('my invoice', { metadata: { tenant: 'a', tuneloop_arm: 'mine' } });
    const call = await record();
    expect(call).toEqual({
      id,
      timestamp: expect.any(String),
      messages: [
        { role: 'developer', content: 'Name the topic: billing, crash or delivery. Say nothing else.' },
        { role: 'user', content: 'Message: my invoice\nTopic:' },
      ],
      completion: ' billing\n',
      model: 'ft:champion-dated',
      usage: { prompt_tokens: 12, completion_tokens: 1 },
      latency_ms: expect.any(Number),
      finish_reason: 'stop',
      metadata: expect.objectContaining({ tenant: 'a' }),
    });
    expect(readServedCall(call.metadata)).toEqual({
      deployment: 'desk',
      decision: 7,
      arm: 'champion',
      outcome: 'ok',
      answeredBy: 'champion',
      armLatencyMs: call.latency_ms,
    });
  });

  test('the record of a call can be changed or dropped before it is kept, and a hook that fails drops it', async () => {
    const hooks = {
      change: (call: CapturedCall) => ({ ...call, completion: 'changed' }),
      drop: () => null,
      fail: () => {
        throw new Error('hook');
      },
    };
    const changed = await predictorOf(sampleAlias(), { redact: hooks.change });
    await changed.predict('my invoice');
    expect(await changed.record()).toMatchObject({ completion: 'changed' });
    for (const redact of [hooks.drop, hooks.fail]) {
      const calls: CapturedCall[] = [];
      const recorded: Promise<void>[] = [];
      const sink: CaptureSink = { ...memorySink(calls), expect: (record) => void recorded.push(record) };
      const { predict } = await predictorOf(sampleAlias(), { redact, sink });
      expect(await predict('my invoice')).toMatchObject({ label: 'billing' });
      expect(recorded).toHaveLength(1);
      await Promise.all(recorded);
      expect(calls).toEqual([]);
    }
  });

  test('the record of a call never fails the call', async () => {
    const fail = () => {
      throw new Error('sink');
    };
    const sink = { ...memorySink([]), record: fail, expect: fail };
    const { predict } = await predictorOf(sampleAlias(), { sink });
    expect(await predict('my invoice')).toMatchObject({ label: 'billing' });
  });

  test('a call with an input alone has no record', async () => {
    const { versions } = TEMPLATE;
    const dated = {
      versions: versions.map((version) => ({ ...version, slots: [{ name: 'date', kind: 'date' as const }] })),
    };
    const { predict, calls } = await predictorOf(sampleAlias({ original: { model: 'original', template: dated } }));
    expect(await predict('my invoice')).toMatchObject({ label: 'billing' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual([]);
  });
});

test('calls of a trained model become a log that the next run reads', async () => {
  const trainer = await trainerWithClient();
  try {
    const lines = labelled(60).map(({ input, completion }, index) =>
      trainingLine(TEMPLATE, { id: `${index}`, line: index, input, completion, version: 0, slots: [input] }, 'strip'),
    );
    const training_file = await trainer.upload(lines.join('\n'));
    const { id } = await trainer.client.fineTuning.jobs.create({ model: 'local-mini', training_file });
    const model = (await trainer.ended(id)).fine_tuned_model;
    if (!model) throw new Error('the job has left no model');
    const file = path.join(folder, 'calls.jsonl');
    const sink = jsonlSink(file);
    const original = { model: 'local-base', template: TEMPLATE };
    const { predictor } = await predictorOf(sampleAlias({ champion: servedModel(model), original }), {
      client: trainer.client,
      sink,
    });
    const examples = labelled(20, 5);
    const predictions = await Promise.all(examples.map(({ input }) => predictor.predict(input)));
    expect(predictions.map(({ label }) => label)).toEqual(examples.map(({ completion }) => completion));
    predictor.recordActual(predictions[0]?.id ?? '', 'crash', 1, 'person:ana');
    await sink.close();

    const rows = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line, index) => parseLogRow(JSON.parse(line), { line: index + 1 }));
    const logged = rows.flatMap((row) => ('row' in row ? [row.row] : []));
    expect(logged).toHaveLength(20);
    expect(logged.every(({ model: by, metadata }) => by === model && readServedCall(metadata)?.outcome === 'ok')).toBe(
      true,
    );
    expect(rows.filter((row) => 'actual' in row)).toMatchObject([
      { actual: { id: predictions[0]?.id, actual: 'crash' } },
    ]);
  } finally {
    await trainer.remove();
  }
}, 60_000);

test('the first call waits for the alias, and the predictor does not keep the process alive', async () => {
  const home = newHome();
  await writeAlias(home, sampleAlias());
  const module = path.resolve(import.meta.dirname, '../../../packages/app/src/predict/index.ts');
  const program = `
    import OpenAI from 'openai';
    import { createPredictor } from ${JSON.stringify(module)};
    const client = new OpenAI({ baseURL: process.argv[1], apiKey: 'any' });
    const predictor = createPredictor({ deployment: 'desk', home: process.argv[2], client });
    console.log((await predictor.predict('my invoice')).label);`;
  const args = ['--input-type=module-typescript', '-e', program, server.client.baseURL, home];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe('billing\n');
}, 30_000);
