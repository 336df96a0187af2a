import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TuneloopError } from '@tuneloop/app/errors';
import { readIfThere } from '@tuneloop/app/internal/shared/files';
import { z } from 'zod';

/** The Python programs and the lock files of the package. */
export const PYTHON_FOLDER = join(import.meta.dirname, '..', '..', 'python');

const INSTALL = 'tuneloop engine install';

const installedSchema = z.object({
  format: z.literal(1),
  /** What it trains and serves on. */
  device: z.enum(['cpu', 'cuda']),
  /** Version of the Python in it. */
  python: z.string(),
  /** SHA-256 of the lock file that the environment was made from. */
  lock: z.string(),
  /** Whether vLLM's environment is there too. */
  vllm: z.boolean(),
  at: z.iso.datetime(),
});

/** What `installed.json` says, which is written once everything else is there. */
export type InstalledEngine = z.infer<typeof installedSchema>;

const modelSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  /** Absolute path of the folder in Transformers form; its chat template is the file `chat_template.jinja` in it. */
  folder: z.string(),
  /** Absolute path of the weights for llama.cpp; null where only vLLM serves the model. */
  gguf: z.string().nullable(),
  licence: z.string(),
  parameters: z.int().positive(),
  /** Tokens of the longest text that it reads. */
  context_length: z.int().positive(),
  /** SHA-256 of the weights that it was made from. */
  sha256: z.string(),
});

/** What `model.json` of a base model says, which is written once everything else of the model is there. */
export type EngineModel = z.infer<typeof modelSchema>;

/** A base model is named in pipeline files and is a folder's name. The names of the n-gram models are taken. */
export const MODEL_NAME = /^(?!local-)[a-z0-9][a-z0-9._-]{0,63}$/;

/** Where everything of the engine is, by the folder of the engine. */
export function engineFiles(engineDir: string) {
  const bin = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  return {
    /** uv, where it was fetched. */
    uv: join(engineDir, process.platform === 'win32' ? 'uv.exe' : 'uv'),
    /** The environment of training. */
    trainer: join(engineDir, 'trainer'),
    /** Its Python. */
    trainerPython: join(engineDir, 'trainer', ...bin),
    /** The environment of vLLM. */
    vllm: join(engineDir, 'vllm'),
    vllmPython: join(engineDir, 'vllm', ...bin),
    /** llama.cpp for Node, which serves on a CPU. */
    llama: join(engineDir, 'llama'),
    installed: join(engineDir, 'installed.json'),
    models: join(engineDir, 'models'),
    model: (name: string) => join(engineDir, 'models', name),
  };
}

/**
 * The engine of LLMs in a folder; undefined where none is installed, or its installation has not ended.
 *
 * @throws TuneloopError ENGINE_UNUSABLE where it is damaged, or of a format that this version does not read
 */
export function readInstalled(engineDir: string): InstalledEngine | undefined {
  const { installed, trainerPython } = engineFiles(engineDir);
  const found = readJson(installed, installedSchema, INSTALL);
  if (found && !existsSync(trainerPython)) {
    throw new TuneloopError(
      'ENGINE_UNUSABLE',
      `${trainerPython} is missing, although ${installed} says that the engine is installed: run \`${INSTALL}\` again`,
    );
  }
  return found;
}

/**
 * The base models that are ready, by name. A folder without `model.json` is one that is being made, or was not finished.
 *
 * @throws TuneloopError ENGINE_UNUSABLE where a model's description is damaged
 */
export function readModels(engineDir: string): EngineModel[] {
  const { models } = engineFiles(engineDir);
  const names = existsSync(models) ? readdirSync(models).toSorted() : [];
  return names.flatMap((name) => readModel(engineDir, name) ?? []);
}

/**
 * A base model; undefined where it is not there.
 *
 * @throws TuneloopError ENGINE_UNUSABLE where its description is damaged, or files that it names are gone
 */
export function readModel(engineDir: string, name: string): EngineModel | undefined {
  const again = `${INSTALL} --model ${name}`;
  const file = join(engineFiles(engineDir).model(name), 'model.json');
  const model = readJson(file, modelSchema, again);
  if (!model) return undefined;
  const parts = [join(model.folder, 'config.json'), join(model.folder, 'chat_template.jinja'), model.gguf];
  const missing = parts.find((part) => part !== null && !existsSync(part));
  if (missing !== undefined) {
    throw new TuneloopError(
      'ENGINE_UNUSABLE',
      `the base model ${name} lacks ${missing}, which ${file} names: put it back, or run \`${again}\``,
    );
  }
  return model;
}

function readJson<T>(file: string, schema: z.ZodType<T>, again: string): T | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const value = parsed(text);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = value === undefined ? 'it is not JSON' : `${issue?.path.join('.') || 'file'}: ${issue?.message}`;
  throw new TuneloopError('ENGINE_UNUSABLE', `${file} cannot be used (${where}): run \`${again}\` again`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
