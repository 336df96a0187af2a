import { createHash } from 'node:crypto';
import type { Example } from '../../packages/local-trainer/src/jobs/training-file.ts';
import { BASE_MODELS } from '../../packages/local-trainer/src/ngram/features.ts';
import {
  isClassification,
  type Progress,
  type TrainingPlan,
  train,
} from '../../packages/local-trainer/src/ngram/training.ts';
import { type TunedModel, unpackModel } from '../../packages/local-trainer/src/ngram/tuned-model.ts';
import { labelled } from './sample-data.ts';

function plan(training: readonly Example[], changes: Partial<TrainingPlan> = {}): TrainingPlan {
  return {
    base: 'local-base',
    hyperparameters: { n_epochs: 4, batch_size: 1, learning_rate_multiplier: 1 },
    seed: 7,
    training,
    validation: [],
    ...changes,
  };
}

function bytesOf(progress: readonly Progress[]): Buffer[] {
  return progress.flatMap((news) => (news.kind === 'metrics' ? [] : [news.bytes]));
}

function digest(progress: readonly Progress[]): string {
  const hash = createHash('sha256');
  for (const bytes of bytesOf(progress)) hash.update(bytes);
  return hash.digest('hex');
}

function trained(training: readonly Example[], changes: Partial<TrainingPlan> = {}): TunedModel {
  const bytes = bytesOf([...train(plan(training, changes))]);
  return unpackModel(bytes[0] ?? Buffer.alloc(0), bytes[bytes.length - 1] ?? Buffer.alloc(0));
}

function accuracy(model: TunedModel, examples: readonly Example[]): number {
  return examples.filter(({ input, completion }) => model.answer(input) === completion).length / examples.length;
}

const facts = Array.from({ length: 40 }, (_, row) => ({
  input: `name[Place ${String.fromCharCode(65 + (row % 26))}${row}], food[${['thai', 'greek', 'indian'][row % 3]}]`,
  completion: `Place ${String.fromCharCode(65 + (row % 26))}${row} cooks ${['thai', 'greek', 'indian'][row % 3]} dishes.`,
}));

const varied = facts.map(({ input, completion }, row) => ({
  input,
  completion: row % 4 === 0 ? `Eat ${completion}` : completion,
}));

test.each([
  ['classification', labelled(60)],
  ['generation', varied],
])('%s: the same seed gives the same weights bit for bit, another seed other ones', (_task, examples) => {
  expect(digest([...train(plan(examples))])).toBe(digest([...train(plan(examples))]));
  expect(digest([...train(plan(examples, { seed: 8 }))])).not.toBe(digest([...train(plan(examples))]));
});

test.each(BASE_MODELS)('%s learns labels that words show', (base) => {
  expect(accuracy(trained(labelled(150), { base }), labelled(60, 2))).toBeGreaterThan(0.95);
});

test('ten examples are enough to tell two clear classes apart', () => {
  const examples = Array.from({ length: 10 }, (_, row) =>
    row % 2 === 0 ? { input: `good day ${row}`, completion: 'yes' } : { input: `bad night ${row}`, completion: 'no' },
  );
  const model = trained(examples);
  expect([model.answer('a good day'), model.answer('the bad night')]).toEqual(['yes', 'no']);
});

test('a rare class among many is learnt', () => {
  const examples = labelled(300).map((example, row) =>
    row % 50 === 0 ? { input: `aardvark ${row}`, completion: 'zoo' } : example,
  );
  expect(trained(examples).answer('the aardvark')).toBe('zoo');
});

test('languages without spaces and emoji are learnt by every model', () => {
  const examples = Array.from({ length: 24 }, (_, row) =>
    row % 2 === 0
      ? { input: `我想取消订单${row} 😡`, completion: 'cancel' }
      : { input: `什么时候发货呢${row} 🚚`, completion: 'shipping' },
  );
  for (const base of BASE_MODELS) {
    const model = trained(examples, { base });
    expect([model.answer('请取消我的订单'), model.answer('🚚 发货')]).toEqual(['cancel', 'shipping']);
  }
});

test('an unknown input, an empty one and a very long one get one of the labels', () => {
  const model = trained(labelled(60));
  for (const input of ['', ' \n', '☃', 'x'.repeat(100_000), '\ud800']) {
    expect(['billing', 'crash', 'delivery']).toContain(model.answer(input));
  }
});

test('instructions repeated in every input do not drown the differences', () => {
  const around = (text: string) => `${'Follow all of the rules below with care. '.repeat(30)}\n\n${text}`;
  const examples = labelled(90).map((example) => ({ ...example, input: around(example.input) }));
  const fresh = labelled(30, 3).map((example) => ({ ...example, input: around(example.input) }));
  expect(accuracy(trained(examples), fresh)).toBeGreaterThan(0.95);
});

test('completions are labels when each is short and seen about twice', () => {
  expect(isClassification(labelled(10))).toBe(true);
  expect(isClassification(facts)).toBe(false);
  expect(isClassification(labelled(10).map((example) => ({ ...example, completion: 'two\nlines' })))).toBe(false);
});

test('generation copies the values of the new input into the answer', () => {
  expect(trained(facts).answer('name[Blue Door], food[greek]')).toBe('Blue Door cooks greek dishes.');
});

test('metrics count steps up to the total, with the whole validation set at the end of each epoch', () => {
  const progress = [...train(plan(labelled(60), { validation: labelled(20, 5) }))];
  const metrics = progress.flatMap((news) => (news.kind === 'metrics' ? [news.metrics] : []));
  const whole = metrics.filter(({ full_valid_loss }) => full_valid_loss !== undefined);
  expect(whole.map(({ step }) => step)).toEqual([60, 120, 180, 240]);
  expect(metrics.every(({ total_steps, valid_loss }) => total_steps === 240 && valid_loss !== undefined)).toBe(true);
  expect(whole[3]?.full_valid_loss).toBeLessThan(whole[0]?.full_valid_loss ?? 0);
  expect(progress.filter(({ kind }) => kind === 'checkpoint')).toHaveLength(4);
});

test('a larger batch takes fewer steps', () => {
  const hyperparameters = { n_epochs: 2, batch_size: 16, learning_rate_multiplier: 1 };
  const metrics = [...train(plan(labelled(50), { hyperparameters }))].flatMap((news) =>
    news.kind === 'metrics' ? [news.metrics] : [],
  );
  expect(metrics[metrics.length - 1]?.step).toBe(8);
});
