import { decide } from '../../src/cli/deployments.ts';
import { explain } from '../../src/cli/explain.ts';
import { forget } from '../../src/cli/forget.ts';
import type { RunResult } from '../../src/core/run/run-result.ts';
import type { Lineage } from '../../src/lineage/model-lineage.ts';
import type { RowPlaces } from '../../src/lineage/row-places.ts';
import { readLines } from '../../src/stores/lines.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { addressOf } from '../setup/stack-tools.ts';
import { inEnvironment, printedBy } from './printed.ts';

jest.setTimeout(180_000);

describe('a winner that a person has approved', () => {
  let stack: Stack;
  let result: RunResult;

  beforeAll(async () => {
    stack = await Stack.start();
    const file = stack.writePipeline('shop', shopRows(360), {
      candidates: { models: ['local-mini'], half_data: true },
      evaluation: { baseline: { live: 'local-base' } },
      promotion: { canary: { stages: [] } },
    });
    result = await (await stack.startRun(file)).result();
    await printed(() => decide('approve', 'shop', { why: 'good', by: 'ana' }));
  });
  afterAll(() => stack.stop());

  const printed = (command: () => Promise<number>) =>
    inEnvironment({ TUNELOOP_HOME: stack.home, TEMPORAL_ADDRESS: addressOf(stack) }, () => printedBy(command));
  const json = async <T>(command: () => Promise<number>): Promise<T> => JSON.parse(await printed(command));
  const explained = () => json<Lineage>(() => explain('shop', { json: true, verify: true }));
  const lineage = async () => {
    const { dataset, training, evaluation, decisions, ...rest } = await explained();
    if (!dataset.known || !training.known || !evaluation.known || !decisions.known) throw new Error('not all is known');
    const parts = { dataset: dataset.value, training: training.value };
    return { ...rest, ...parts, evaluation: evaluation.value, decisions: decisions.value };
  };

  test('an approved winner is explained from its rows to the approval, with everything intact', async () => {
    const { dataset, training, evaluation, decisions, ...model } = await lineage();
    expect(model).toMatchObject({
      model: result.winnerModel,
      run: result.runId,
      contender: result.winner,
      serves: [{ deployment: 'shop', as: 'champion' }],
    });
    expect(dataset.manifest.sha256).toMatch(new RegExp(`^${result.dataset.version}`));
    const uploaded = (await stack.jobs()).find(({ id }) => id === training.jobId);
    expect(training.uploads).toEqual({
      known: true,
      value: { trainingFile: uploaded?.training_file, validationFile: uploaded?.validation_file },
    });
    expect(evaluation.comparison).toEqual(result.comparison);
    expect(decisions.about.map(({ kind, by }) => [kind, by])).toEqual([
      ['proposed', 'run'],
      ['approved', 'person:ana'],
      ['promoted', 'person:ana'],
    ]);
    const states = JSON.stringify([model, dataset, training]).match(/"state":"\w+"/g);
    expect(states?.length).toBeGreaterThan(10);
    expect(new Set(states)).toEqual(new Set(['"state":"intact"']));
    const tree = await printed(() => explain(result.winnerModel ?? '', {}));
    expect(tree).toContain('approved by person:ana: good');
    expect(tree).not.toMatch(/NOT KNOWN|MISSING|DAMAGED/);
  });

  test('an approved winner is named for every row that it was trained on, with all other traces of the row', async () => {
    const { dataset } = await lineage();
    const idIn = async (side: 'train' | 'test') => {
      const { sha256 } = dataset.examples[side];
      const file = `${stack.home}/artifacts/${sha256.slice(0, 2)}/${sha256}`;
      for await (const line of readLines(file)) return JSON.parse(line.toString('utf8')).id as string;
      throw new Error(`no ${side} row`);
    };
    const trained = await idIn('train');
    const inTraining = await json<RowPlaces>(() => forget(trained, { json: true }));
    const kindsOf = ({ places }: RowPlaces) => [...new Set(places.map(({ kind }) => kind))];
    expect(kindsOf(inTraining)).toEqual(['log', 'snapshot', 'examples', 'training-file', 'key']);
    expect(inTraining.models).toContainEqual(
      expect.objectContaining({
        model: result.winnerModel,
        use: 'trained',
        serves: [{ deployment: 'shop', as: 'champion' }],
      }),
    );

    const judged = await json<RowPlaces>(async () => forget(await idIn('test'), { json: true }));
    expect(kindsOf(judged)).toEqual(expect.arrayContaining(['prediction', 'scores', 'cached-answer']));
    // Winner and baseline.
    expect(judged.places.filter(({ kind }) => kind === 'prediction')).toHaveLength(2);
    expect(judged.places.filter(({ kind }) => kind === 'cached-answer')).toHaveLength(2);
    expect(judged.models).toEqual([]);
  });

  test('an approved winner is explained without its deployment, as its alias has it, and without its Temporal server', async () => {
    await stack.stopWorker();
    await stack.killServer();
    const { decisions, training } = await lineage();
    expect(decisions).toMatchObject({ from: 'alias' });
    expect(decisions.about.at(-1)).toMatchObject({ kind: 'promoted', by: 'person:ana' });
    expect(training.uploads).toMatchObject({ known: false, why: expect.stringContaining('no Temporal server') });
    const tree = await printed(() => explain('shop', {}));
    expect(tree).toContain('the deployment did not answer');
    expect(tree).toContain('id NOT KNOWN');
  });
});
