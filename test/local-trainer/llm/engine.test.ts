import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  AnswerRequest,
  CallableModel,
  TrainingListener,
  TrainingNews,
  TrainingTask,
} from '../../../packages/local-trainer/src/engine.ts';
import { LlmEngine } from '../../../packages/local-trainer/src/llm/engine.ts';
import { engineFiles } from '../../../packages/local-trainer/src/llm/engine-folder.ts';
import type { ModelServer } from '../../../packages/local-trainer/src/llm/model-server.ts';
import { isAlive } from '../../../src/stores/services-file.ts';
import { until as untilTrue } from '../../local/processes.ts';

/* The training side of the LLM engine against a played Python: real processes, real files, no model. */

const until = (condition: () => boolean) => untilTrue(condition, 'the training');

let folder: string;
let engines: LlmEngine[];
/** Folders of adapters that the played server was told to forget. */
let forgotten: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tuneloop-llm-'));
  engines = [];
  forgotten = [];
  const files = engineFiles(join(folder, 'engine'));
  mkdirSync(join(files.trainer, 'bin'), { recursive: true });
  const python = join(import.meta.dirname, 'played-python.ts');
  writeFileSync(files.trainerPython, `#!/bin/sh\nexec "${process.execPath}" "${python}" "$@"\n`);
  chmodSync(files.trainerPython, 0o755);
  const model = join(files.model('tiny'), 'transformers');
  mkdirSync(model, { recursive: true });
  for (const name of ['config.json', 'chat_template.jinja']) writeFileSync(join(model, name), '{}');
  const about = {
    format: 1,
    name: 'tiny',
    folder: model,
    gguf: null,
    licence: 'MIT',
    parameters: 1,
    context_length: 512,
    sha256: 'none',
  };
  writeFileSync(join(files.model('tiny'), 'model.json'), JSON.stringify(about));
  const installed = {
    format: 1,
    device: 'cpu',
    python: '3.12.1',
    lock: 'none',
    vllm: false,
    at: '2026-11-30T00:00:00Z',
  };
  writeFileSync(files.installed, JSON.stringify(installed));
  const rows = ['billing', 'refund', 'billing'].map((label) => ({
    messages: [
      { role: 'user', content: `about ${label}` },
      { role: 'assistant', content: label },
    ],
  }));
  writeFileSync(join(folder, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});

afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  rmSync(folder, { recursive: true, force: true });
});

function engineOf(): LlmEngine {
  const engine = new LlmEngine({ engineDir: join(folder, 'engine'), openServer: () => playedServer() });
  engines.push(engine);
  return engine;
}

/** Answers `billing` to everything, so that two of the three rows are right. */
function playedServer(): ModelServer {
  const model: CallableModel = {
    async *answer(_request: AnswerRequest) {
      yield { text: 'bil' };
      yield { text: 'ling' };
      return { finishReason: 'stop', promptTokens: 3, cachedTokens: 0, completionTokens: 2 };
    },
  };
  return {
    concurrency: 2,
    model: () => model,
    forget: async (adapter) => {
      forgotten.push(adapter);
    },
    close: async () => undefined,
  };
}

/** A listener that gives each next turn at once, as a queue with one job does. */
class Heard implements TrainingListener {
  readonly news: TrainingNews[] = [];
  failure: string | undefined;
  exited = false;
  onTurn: () => void = () => undefined;

  onNews(news: TrainingNews): void {
    this.news.push(news);
    if (news.kind === 'checkpoint' && news.metrics.step < news.metrics.total_steps) setImmediate(() => this.onTurn());
  }

  onFailure(code: string, message: string): void {
    this.failure = `${code}: ${message}`;
  }

  onExit(): void {
    this.exited = true;
  }

  get told(): string[] {
    return this.news.map((each) => {
      if (each.kind === 'finished') return 'finished';
      return each.kind === 'resumed' ? `resumed ${each.step}` : `${each.kind} ${each.metrics.step}`;
    });
  }
}

function taskOf(epochs = 2): TrainingTask {
  const rows = join(folder, 'rows.jsonl');
  const engine = engineOf();
  return {
    id: 'ftjob-1',
    base: 'tiny',
    hyperparameters: engine.decide({ n_epochs: epochs, batch_size: 'auto', learning_rate_multiplier: 'auto' }, 3),
    seed: 1,
    trainingPath: rows,
    validationPath: rows,
    modelDir: join(folder, 'model'),
  };
}

function train(engine: LlmEngine, task: TrainingTask) {
  const heard = new Heard();
  const training = engine.train(task, heard);
  heard.onTurn = () => training.nextEpoch();
  return { heard, training };
}

function mark(name: 'die' | 'fail' | 'wait'): string {
  mkdirSync(join(folder, 'model'), { recursive: true });
  writeFileSync(join(folder, 'model', name), '');
  return join(folder, 'model', name);
}

function pids(): number[] {
  return readFileSync(join(folder, 'model', 'pids'), 'utf8')
    .trim()
    .split('\n')
    .map(Number);
}

test('A training tells its steps, a checkpoint after each epoch, and its end', async () => {
  const { heard } = train(engineOf(), taskOf());
  await until(() => heard.exited);
  expect(heard.told).toEqual([
    'metrics 1',
    'metrics 2',
    'checkpoint 2',
    'metrics 3',
    'metrics 4',
    'checkpoint 4',
    'finished',
  ]);
});

test('The accuracy of an epoch is the share of validation rows that the model answers right', async () => {
  const { heard } = train(engineOf(), taskOf(1));
  await until(() => heard.exited);
  const checkpoint = heard.news.find(({ kind }) => kind === 'checkpoint');
  expect(checkpoint).toMatchObject({ metrics: { full_valid_loss: 0.5, full_valid_mean_token_accuracy: 0.66667 } });
});

test('All epochs of a training run in one process', async () => {
  const { heard } = train(engineOf(), taskOf(3));
  await until(() => heard.exited);
  expect(pids()).toHaveLength(3);
  expect(new Set(pids()).size).toBe(1);
});

test('A training whose process is killed goes on in a new one, and says at which step', async () => {
  mark('die');
  const { heard } = train(engineOf(), taskOf(1));
  await until(() => heard.exited);
  expect(heard.told).toEqual(['metrics 1', 'resumed 1', 'metrics 2', 'checkpoint 2', 'finished']);
  expect(new Set(pids()).size).toBe(2);
});

test('A training that fails says why, and gives its turn back', async () => {
  mark('fail');
  const { heard } = train(engineOf(), taskOf(1));
  await until(() => heard.exited);
  expect(heard.failure).toBe('disk_full: The disk of the trainer is full.');
});

test('A later engine tells what was told before, and goes on behind it', async () => {
  const first = engineOf();
  const started = train(first, taskOf(2));
  started.heard.onTurn = () => undefined;
  await until(() => started.heard.told.includes('checkpoint 2'));
  await first.close();
  const { heard } = train(engineOf(), taskOf(2));
  await until(() => heard.exited);
  expect(heard.told).toEqual([
    'metrics 1',
    'metrics 2',
    'checkpoint 2',
    'resumed 2',
    'metrics 3',
    'metrics 4',
    'checkpoint 4',
    'finished',
  ]);
});

test('A later engine tells a whole training again without computing', async () => {
  const { heard: before } = train(engineOf(), taskOf(2));
  await until(() => before.exited);
  const computed = pids().length;
  const { heard } = train(engineOf(), taskOf(2));
  await until(() => heard.exited);
  expect(heard.told).toEqual(before.told);
  expect(pids()).toHaveLength(computed);
});

test('What was told of a training without its state is not told again: it begins anew', async () => {
  const first = engineOf();
  const started = train(first, taskOf(2));
  started.heard.onTurn = () => undefined;
  await until(() => started.heard.told.includes('checkpoint 2'));
  await first.close();
  rmSync(join(folder, 'model', 'state.pt'));
  const { heard } = train(engineOf(), taskOf(2));
  await until(() => heard.exited);
  expect(heard.told.filter((each) => each === 'checkpoint 2')).toHaveLength(1);
  expect(heard.told).not.toContain('resumed 2');
});

test('A stopped training ends after its present step, and its process serves the next one', async () => {
  mark('wait');
  const engine = engineOf();
  const { heard, training } = train(engine, taskOf(1));
  await until(() => heard.told.includes('metrics 1'));
  await training.stop();
  expect(heard.exited).toBe(true);
  expect(heard.failure).toBeUndefined();
  rmSync(join(folder, 'model', 'wait'));
  const next = train(engine, taskOf(1));
  await until(() => next.heard.exited);
  expect(new Set(pids()).size).toBe(1);
});

test('No process is left when the engine is closed', async () => {
  mark('wait');
  const engine = engineOf();
  const { heard } = train(engine, taskOf(1));
  await until(() => heard.told.includes('metrics 1'));
  await engine.close();
  expect(heard.exited).toBe(true);
  expect(heard.failure).toBeUndefined();
  expect(pids().some(isAlive)).toBe(false);
});

test('A row that is too long is refused by its line, and the file is read once', async () => {
  const long = join(folder, 'long.jsonl');
  cpSync(join(folder, 'rows.jsonl'), long);
  writeFileSync(long, 'refuse\n', { flag: 'a' });
  const auto = { n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto' } as const;
  const engine = engineOf();
  const file = { path: long, role: 'training' } as const;
  const found = engine.validate(file, 'tiny', auto);
  expect(await found).toEqual({
    kind: 'invalid',
    code: 'invalid_file_format',
    message: 'Invalid training file. Line 4: too long.',
  });
  expect(engine.validate(file, 'tiny', auto)).toBe(found);
});

test('A tuned model is forgotten by the server before its files are removed', async () => {
  const engine = engineOf();
  const { heard } = train(engine, taskOf(1));
  await until(() => heard.exited);
  const adapter = join(folder, 'model', 'step-2');
  await engine.unpublish('tiny', { modelDir: join(folder, 'model'), step: 2 });
  expect(forgotten).toEqual([adapter]);
  expect(existsSync(adapter)).toBe(false);
});

test('Without an installation there are no base models', () => {
  rmSync(engineFiles(join(folder, 'engine')).installed);
  expect(engineOf().baseModels()).toEqual([]);
});
