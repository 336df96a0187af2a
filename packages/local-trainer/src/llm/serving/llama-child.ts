import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { type ChatTemplate, readChatTemplate } from './chat-template.ts';
import type { ChildOptions, FromChild, LlamaBase, ToChild } from './child-messages.ts';
import { ContextPool } from './context-pool.ts';
import { generate } from './generate.ts';
import { grammarOf } from './grammar.ts';
import type { LlamaModel, LlamaPackage } from './llama-types.ts';

/*
 * The process that answers with llama.cpp. Native code that crashes takes only this process along. It ends with the server:
 * the channel between the two closes when the server ends, however it ends.
 */
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole group of processes; the server decides when this one ends.
process.on('SIGINT', () => {});

interface LoadedModel {
  readonly model: LlamaModel;
  readonly pool: ContextPool;
  readonly template: ChatTemplate;
}

const options = JSON.parse(process.argv[2] as string) as ChildOptions;
const llamaPackage = (await import(options.llama)) as LlamaPackage;
const llama = await llamaPackage.getLlama({
  gpu: false,
  build: 'never',
  maxThreads: options.threads,
  logLevel: 'error',
});
/** By file of the weights. */
const models = new Map<string, Promise<LoadedModel>>();
const running = new Map<number, AbortController>();

process.on('message', (message: ToChild) => {
  if (message.kind === 'answer') void answer(message);
  else if (message.kind === 'cancel') running.get(message.id)?.abort();
  else void forget(message);
});

async function answer({ id, base, adapter, request }: Extract<ToChild, { kind: 'answer' }>): Promise<void> {
  const broken = new AbortController();
  running.set(id, broken);
  try {
    const { model, pool, template } = await loaded(base);
    const grammar = request.constraint && {
      model,
      grammar: await grammarOf(llama, request.constraint),
    };
    const state = grammar && new llamaPackage.LlamaGrammarEvaluationState(grammar);
    const prompt = template(request.messages);
    const parts = generate({ model, pool, adapter, grammar: state }, prompt, request, broken.signal);
    for (;;) {
      const { value, done } = await parts.next();
      if (done === true) return send({ kind: 'end', id, end: value });
      send({ kind: 'part', id, part: value });
    }
  } catch (error) {
    send({ kind: 'failed', id, ...described(error) });
  } finally {
    running.delete(id);
  }
}

async function forget({ id, adapter }: Extract<ToChild, { kind: 'forget' }>): Promise<void> {
  try {
    for (const model of models.values()) await (await model).pool.forget(adapter);
    send({ kind: 'forgotten', id });
  } catch (error) {
    send({ kind: 'failed', id, ...described(error) });
  }
}

function loaded(base: LlamaBase): Promise<LoadedModel> {
  const there = models.get(base.gguf);
  if (there !== undefined) return there;
  const loading = load(base);
  models.set(base.gguf, loading);
  loading.catch(() => models.delete(base.gguf));
  return loading;
}

async function load({ gguf, folder }: LlamaBase): Promise<LoadedModel> {
  const template = readChatTemplate(folder);
  const model = await llama.loadModel({ modelPath: gguf });
  return { model, template, pool: new ContextPool(model, options) };
}

function described(error: unknown) {
  if (error instanceof ApiError) {
    return { status: error.status, message: error.message, param: error.param, code: error.code };
  }
  return { status: 500, message: `llama.cpp failed: ${(error as Error).message}`, param: null, code: null };
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message);
}
