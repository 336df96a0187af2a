import { createInterface } from 'node:readline/promises';
import type { EngineModel } from '@tuneloop/local-trainer/engine-folder';
import { readEnvironment } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import { hasGpu } from '../local/engine/gpu.ts';
import { installEngine } from '../local/engine/install.ts';
import { installLlama } from '../local/engine/llama.ts';
import { addModel } from '../local/engine/models.ts';
import { removeEngine } from '../local/engine/remove.ts';
import { type EngineStatus, readStatus } from '../local/engine/status.ts';
import { type Device, gigabytes, trainerEnvironment, VLLM_ENVIRONMENT } from '../local/engine/work.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';

export interface InstallOptions {
  cpu?: boolean;
  cuda?: boolean;
  model?: string[];
  allowDownloads?: boolean;
  yes?: boolean;
  json?: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DEFAULT_MODELS = ['smollm2-135m'];

/** `engine install`: the Python environments that LLMs are trained and served with, and base models. */
export async function install(options: InstallOptions): Promise<number> {
  const { engine: engineDir, searchPath } = readEnvironment();
  if (options.cpu && options.cuda) throw new TuneloopError('USAGE', 'give --cpu or --cuda, not both');
  const device = options.cuda ? 'cuda' : options.cpu ? 'cpu' : (await hasGpu(searchPath)) ? 'cuda' : 'cpu';
  const { state, installed } = await readStatus(engineDir, { quick: true });
  const isThere = state === 'ready' && installed?.device === device;
  if (!isThere && !(await agreed(describe(device, engineDir), options.yes))) return EXIT.interrupted;
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  for (const name of SIGNALS) process.on(name, onSignal);
  const work = { engineDir, searchPath, say, signal: interrupt.signal };
  try {
    await installEngine({ ...work, device });
    if (device === 'cpu') await installLlama(work);
    for (const model of options.model ?? DEFAULT_MODELS) {
      await addModel({ ...work, model, allowDownloads: options.allowDownloads ?? false });
    }
    const status = await readStatus(engineDir, { quick: true });
    printResult(options.json, status, () => statusText(status));
    return EXIT.ok;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say('Interrupted. `tuneloop engine install` goes on with what was downloaded.');
    return EXIT.interrupted;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

/** `engine status`: what is installed, and whether it works. */
export async function status({ json }: { json?: boolean }): Promise<number> {
  const found = await readStatus(readEnvironment().engine);
  printResult(json, found, () => statusText(found));
  return found.state === 'ready' ? EXIT.ok : EXIT.environment;
}

/** `engine remove`: all that `engine install` has made. */
export async function remove({ json }: { json?: boolean }): Promise<number> {
  const { engine } = readEnvironment();
  const removed = await removeEngine(engine);
  printResult(json, { removed }, () =>
    removed.length > 0 ? `Removed:\n${removed.map((part) => `  ${part}`).join('\n')}` : `Nothing is in ${engine}.`,
  );
  return EXIT.ok;
}

function describe(device: Device, folder: string): string {
  const { disk, download } = trainerEnvironment(device).size;
  const lines = [
    `This makes a Python environment with PyTorch for ${device === 'cuda' ? 'NVIDIA GPUs' : 'the CPU'} in ${folder}.`,
    `On Linux it takes about ${gigabytes(disk)} of disk and downloads about ${gigabytes(download)}, which takes minutes; elsewhere less.`,
  ];
  if (device === 'cuda') {
    const { disk: vllmDisk, download: vllmDownload } = VLLM_ENVIRONMENT.size;
    lines.push(
      `vLLM gets an environment of its own: perhaps ${gigabytes(vllmDisk)}, ${gigabytes(vllmDownload)} to download (not measured).`,
    );
  }
  return lines.join('\n');
}

async function agreed(plan: string, yes: boolean | undefined): Promise<boolean> {
  say(plan);
  if (yes) return true;
  if (!process.stdin.isTTY) throw new TuneloopError('USAGE', 'nobody can be asked here: give --yes to install');
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await questions.question('Install? [y/N] ')).trim());
  } finally {
    questions.close();
  }
}

function statusText({ folder, state, installed, models, problem, serving }: EngineStatus): string {
  const lines = [`Engine for LLMs: ${state}, in ${folder}`];
  if (installed) {
    const { device, python, at, vllm } = installed;
    lines.push(`  for ${device}, Python ${python}${vllm ? ', with vLLM' : ''}, installed ${at}`);
  }
  if (problem !== null) lines.push(`  ${problem}`);
  if (serving !== null) lines.push(`  ${serving}`);
  lines.push(models.length > 0 ? 'Base models:' : 'No base model is ready.', ...models.map(modelText));
  return lines.join('\n');
}

function modelText({ name, parameters, licence, context_length: context, folder }: EngineModel): string {
  const millions = Math.round(parameters / 1e6);
  return `  ${name}: ${millions} million parameters, ${context} tokens, licence ${licence}, ${folder}`;
}
