import { createServer } from 'node:http';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import type { FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import { createEvaluate } from '../../src/activities/evaluate.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import { type RunHandle, runJson } from '../../src/client/runs.ts';
import { pipelineSchema } from '../../src/config/pipeline.ts';
import type { EvaluateInput, Evaluation, Evaluations } from '../../src/core/run/evaluation.ts';
import { writeJson } from '../../src/stores/artifact-store.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { sampleManifest } from '../data/rows/sample-manifest.ts';
import { providerAt } from '../providers/provider-at.ts';
import { temporaryHome, until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { STACK_PRICES, Stack } from '../setup/stack.ts';
import { executed } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const NANO = { models: ['local-nano'], learning_rate_multiplier: 1, epochs: 20 };
const ROWS = 60;
const CONCURRENCY = 4;

describe('an evaluation', () => {
  let stack: Stack;
  let runs = 0;

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());
  beforeEach(() => stack.setFaults([]));

  const startRun = (changes: object = {}): Promise<RunHandle> => {
    runs += 1;
    const file = stack.writePipeline(`evaluation-${runs}`, shopRows(2 * ROWS), {
      candidates: NANO,
      split: { validation: 0.5, test: 0, seed: runs },
      evaluation: { concurrency: CONCURRENCY },
      ...changes,
    });
    return stack.startRun(file);
  };

  test('F17 the worker is killed twice during an evaluation: only the rows that were in flight are asked for again', async () => {
    await stack.setFaults([{ endpoint: 'chat', effect: { kind: 'latency', ms: 150 } }]);
    const before = stack.ledger().length;
    const asked = () => executed(stack.ledger().slice(before), 'chat');
    const run = await startRun();
    for (const share of [0.4, 0.7]) {
      await until(() => asked().length >= share * ROWS, `${share * 100} % of the rows`);
      expect(asked().length).toBeLessThan(ROWS);
      expect(await stack.killWorker()).toBe(true);
      await stack.startWorker();
    }
    await run.result();
    const { candidates = [] } = await runJson(run);
    expect(candidates[0]?.validation).toMatchObject({ score: 1, n: ROWS });
    // One short question to see that the model answers, and one for each attempt of the evaluation.
    const shortQuestions = 1 + 3;
    expect(asked().length).toBeGreaterThanOrEqual(ROWS + shortQuestions);
    expect(asked().length).toBeLessThanOrEqual(ROWS + 2 * CONCURRENCY + shortQuestions);
  });

  test.each<[string, Extract<FaultRule['effect'], { kind: 'completion' }>]>([
    ['are empty', { kind: 'completion', text: ' \n' }],
    ['are cut off, whatever they hold', { kind: 'completion', text: 'refund', finish_reason: 'length' }],
  ])(
    'F18 answers that %s: the rows are invalid and score nothing, and too many of them win nothing',
    async (_name, effect) => {
      const run = await startRun();
      await until(async () => (await stack.jobs()).length > 0, 'a job');
      // The first call asks whether the model answers.
      await stack.setFaults([{ endpoint: 'chat', probability: 0.4, effect }], 3);
      await run.result();
      const { winner, candidates = [] } = await runJson(run);
      const [{ fired } = { fired: 0 }] = await stack.faults();
      expect(fired).toBeGreaterThan(0.2 * ROWS);
      expect(winner).toBeNull();
      expect(candidates[0]?.reason).toMatch(
        /^\d+(\.\d)?\s?% of its answers are invalid, and selection\.max_invalid is/,
      );
      // Short questions may have been hit as well: at most two.
      const invalid = Math.round((1 - (candidates[0]?.validation?.score ?? 0)) * ROWS);
      expect(invalid).toBeLessThanOrEqual(fired);
      expect(invalid).toBeGreaterThanOrEqual(fired - 2);
    },
  );

  test('F18 as many invalid answers as selection.max_invalid allows cost their score, and not the victory', async () => {
    const run = await startRun({ selection: { max_invalid: 0.6 } });
    await until(async () => (await stack.jobs()).length > 0, 'a job');
    await stack.setFaults([{ endpoint: 'chat', probability: 0.2, effect: { kind: 'completion', text: '' } }], 3);
    await run.result();
    const { winner, candidates = [] } = await runJson(run);
    expect(winner).toBe(candidates[0]?.id);
    expect(candidates[0]?.validation?.score).toBeLessThan(1);
    expect(candidates[0]?.validation?.score).toBeGreaterThan(0.5);
  });
});

describe('F18 an answer that is no completion', () => {
  const { home, remove } = temporaryHome();
  afterAll(remove);

  /** Evaluates a model of which every answer but the short question's is this, the first few times. */
  const evaluate = async (answers: { type: string; body: string }[], name: string): Promise<Evaluation> => {
    let asked = 0;
    const good = JSON.stringify({
      choices: [{ index: 0, message: { role: 'assistant', content: 'refund' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 1 },
    });
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        const { type, body } = (asked === 0 ? undefined : answers[asked - 1]) ?? {
          type: 'application/json',
          body: good,
        };
        asked += 1;
        response.writeHead(200, { 'content-type': type }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new Error('no port');
    const artifacts = new FileStore(`${home}/artifacts`);
    const dependencies = {
      artifacts,
      home,
      prices: STACK_PRICES,
      connectProvider: () => providerAt(`http://127.0.0.1:${address.port}/v1`),
      monthlyBudgetUsd: null,
      log: pino({ level: 'silent' }),
    } as unknown as Dependencies;
    try {
      const definition = await writeJson(
        artifacts,
        pipelineSchema.parse({
          name: 'garbage',
          task: 'classification',
          source: { type: 'jsonl', path: 'log.jsonl' },
          candidates: { models: ['local-nano'] },
          evaluation: { concurrency: 1 },
        }),
      );
      const examples = await artifacts.write(
        [0, 1, 2].map((index) => JSON.stringify({ id: `${index}`, line: index, input: 'x', completion: 'refund' })),
      );
      const input: EvaluateInput = {
        definition,
        name: 'validation',
        subjects: [
          { id: 'a', kind: 'tuned', model: 'ft:a', baseModel: 'local-nano', treatment: 'strip', limitUsd: null },
        ],
        examples,
        template: await writeJson(artifacts, { versions: [] }),
        manifest: await writeJson(
          artifacts,
          sampleManifest({ labels: { refund: { train: 1, validation: 3, test: 0 } } }),
        ),
        judgeLimitUsd: null,
      };
      const environment = new MockActivityEnvironment({ workflowExecution: { workflowId: name, runId: 'r' } });
      const { results }: Evaluations = await environment.run(createEvaluate(dependencies), input);
      const [result] = results;
      if (!result || !('evaluation' in result)) throw new Error(`no evaluation: ${JSON.stringify(result)}`);
      return result.evaluation;
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  test('a completion without text is invalid, and the other rows count', async () => {
    const body = JSON.stringify({ choices: [{ message: { content: null }, finish_reason: 'content_filter' }] });
    expect(await evaluate([{ type: 'application/json', body }], 'null')).toMatchObject({
      n: 3,
      score: expect.closeTo(2 / 3, 9),
      invalid: expect.closeTo(1 / 3, 9),
    });
  });

  test('a completion without choices is invalid', async () => {
    expect(await evaluate([{ type: 'application/json', body: '{"choices":[]}' }], 'none')).toMatchObject({
      n: 3,
      invalid: expect.closeTo(1 / 3, 9),
    });
  });

  test.each([
    ['a page of a proxy', { type: 'text/html', body: '<html>502</html>' }],
    ['JSON that was cut off', { type: 'application/json', body: '{"choices":[{"mess' }],
    ['another JSON', { type: 'application/json', body: '[1]' }],
  ])('%s is no answer of the model: the row is asked for again', async (name, garbage) => {
    expect(await evaluate([garbage], name)).toMatchObject({ n: 3, score: 1, invalid: 0 });
  });
});
