import { setTimeout as delay } from 'node:timers/promises';
import pMap from 'p-map';
import type { Dataset } from '../core/run/dataset.ts';
import type { PlannedCandidate } from '../core/run/run-plan.ts';
import { TuneloopError } from '../errors.ts';
import type { Model } from '../providers/inference.ts';
import type { Provider } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider-error.ts';
import { uploadName } from '../providers/upload-name.ts';

/** A plan needs no answer, so it does not wait long for one. */
const PATIENCE_MS = 15_000;
const QUESTIONS_AT_A_TIME = 4;

/** What the provider itself said, or why it was not asked. */
export type HostAnswer =
  | { asked: true; provider: Provider; models: readonly Model[] }
  | { asked: false; reason: string };

/** What the provider itself estimates, or why it gives no estimate. */
export type HostEstimates =
  | {
      /** USD, by candidate. */
      candidates: { id: string; usd: number }[];
      reason: null;
    }
  | { candidates: null; reason: string };

/**
 * Asks a provider whether this account may fine-tune, and for its models.
 *
 * @throws ProviderError where it answers and refuses
 */
export async function askHost(connect: () => Provider): Promise<HostAnswer> {
  let provider: Provider;
  try {
    provider = connect();
  } catch (error) {
    // Most often its key is not set, and a plan needs none.
    if (error instanceof TuneloopError && error.code === 'ENVIRONMENT_INVALID') {
      return { asked: false, reason: error.message };
    }
    throw error;
  }
  try {
    return await inTime(async () => {
      await provider.training.checkFineTuning();
      return { asked: true, provider, models: await provider.inference.listModels() };
    });
  } catch (error) {
    if (error instanceof ProviderError && error.retryable) return { asked: false, reason: error.message };
    throw error;
  }
}

/**
 * Asks a provider what the jobs of a plan cost. It asks with the files that earlier runs have uploaded, and uploads none.
 *
 * @param candidates those on half of the rows are left out, because their files are made by a run
 */
export async function askForEstimates(
  { training, estimateJob }: Pick<Provider, 'training' | 'estimateJob'>,
  candidates: readonly PlannedCandidate[],
  files: Dataset['files'],
): Promise<HostEstimates> {
  if (!estimateJob) return { candidates: null, reason: 'the provider has no estimate of its own' };
  const whole = candidates.filter(({ half }) => !half);
  const uploaded = new Map<string, Promise<{ train: string; validation: string } | null>>();
  const idsOf = (treatment: string) => {
    const known = uploaded.get(treatment) ?? findFiles(training, files, treatment);
    uploaded.set(treatment, known);
    return known;
  };
  try {
    return await inTime(async () => {
      const estimates = await pMap(
        whole,
        async ({ id, baseModel, hyperparameters, treatment }) => {
          const ids = await idsOf(treatment);
          if (!ids) return null;
          const job = { baseModel, hyperparameters, trainingFile: ids.train, validationFile: ids.validation };
          return { id, usd: await estimateJob(job) };
        },
        { concurrency: QUESTIONS_AT_A_TIME },
      );
      const known = estimates.filter((estimate) => estimate !== null);
      if (known.length === whole.length) return { candidates: known, reason: null };
      return { candidates: null, reason: 'it needs uploaded files, and a plan uploads none' };
    });
  } catch (error) {
    if (error instanceof ProviderError) return { candidates: null, reason: error.message };
    throw error;
  }
}

/** The ids of the files of a treatment at the provider; null unless all of them are there. */
async function findFiles(
  training: Provider['training'],
  files: Dataset['files'],
  treatment: string,
): Promise<{ train: string; validation: string } | null> {
  const own = files.find((file) => file.treatment === treatment);
  if (!own) return null;
  const find = (role: 'train' | 'validation') => training.findFile(uploadName(role, own[role]), own[role].bytes);
  const train = await find('train');
  const validation = train === undefined ? undefined : await find('validation');
  return train === undefined || validation === undefined ? null : { train, validation };
}

async function inTime<Result>(question: () => Promise<Result>): Promise<Result> {
  const over = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: over.signal }).then(
    () => {
      throw new ProviderError('PROVIDER_UNREACHABLE', `no answer within ${PATIENCE_MS / 1000} seconds`, {
        retryable: true,
      });
    },
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([question(), late]);
  } finally {
    over.abort();
  }
}
