import { startTrainer, type Trainer } from '../../packages/local-trainer/src/server.ts';
import { askForEstimates, askHost } from '../../src/client/host-questions.ts';
import type { Dataset } from '../../src/core/run/dataset.ts';
import type { PlannedCandidate } from '../../src/core/run/run-plan.ts';
import { TuneloopError } from '../../src/errors.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { ProviderError } from '../../src/providers/provider-error.ts';
import { providerAt } from '../providers/provider-at.ts';
import { temporaryHome } from '../setup/cli.ts';

const { home, remove } = temporaryHome();
let trainer: Trainer;

beforeAll(async () => {
  trainer = await startTrainer({ dir: home });
});
afterAll(async () => {
  await trainer.close();
  remove();
});

describe('a provider that is asked for its models', () => {
  test('its own list is the answer', async () => {
    const answer = await askHost(() => providerAt(trainer.baseURL));
    expect(answer).toMatchObject({
      asked: true,
      models: expect.arrayContaining([expect.objectContaining({ id: 'local-mini' })]),
    });
  });

  test('without a key it is not asked, and the reason says which variable is missing', async () => {
    const answer = await askHost(() => {
      throw new TuneloopError('ENVIRONMENT_INVALID', 'KEY is not set');
    });
    expect(answer).toEqual({ asked: false, reason: 'KEY is not set' });
  });

  test('where nobody answers, the reason is told and nothing fails', async () => {
    expect(await askHost(() => providerAt('http://127.0.0.1:1/v1'))).toEqual({
      asked: false,
      reason: expect.stringContaining('cannot be reached'),
    });
  });

  test('an answer that refuses this account ends the plan', async () => {
    const provider = providerAt(trainer.baseURL);
    const closed = new ProviderError('PROVIDER_CLOSED', 'closed', { retryable: false, status: 403 });
    const training = { ...provider.training, checkFineTuning: () => Promise.reject(closed) };
    await expect(askHost(() => ({ ...provider, training }))).rejects.toBe(closed);
  });
});

describe("a provider's own estimate", () => {
  const artifact = (sha256: string) => ({ uri: `sha256:${sha256}`, sha256, bytes: 7, rows: 1 });
  const files: Dataset['files'] = [{ treatment: 'strip', train: artifact('a'), validation: artifact('b') }];
  const candidate = (id: string, half?: true): PlannedCandidate => ({
    id,
    baseModel: 'base',
    hyperparameters: { learningRateMultiplier: 1, epochs: 2 },
    treatment: 'strip',
    reserve: { trainingUsd: 1, evaluationUsd: 1 },
    ...(half ? { half } : {}),
  });
  /** A provider that has these files, and counts uploads. */
  const host = (names: readonly string[], estimateJob: Provider['estimateJob'] = async () => 2.5) => {
    const asked: string[] = [];
    const { training } = providerAt(trainer.baseURL);
    const findFile = async (name: string) => {
      asked.push(name);
      return names.includes(name) ? `id of ${name}` : undefined;
    };
    const uploadFile = () => Promise.reject(new Error('a plan uploads nothing'));
    return { asked, provider: { training: { ...training, findFile, uploadFile }, estimateJob } };
  };
  const UPLOADED = ['train-a.jsonl', 'validation-b.jsonl'];

  test('is asked with the files that an earlier run has uploaded, each looked up once', async () => {
    const jobs: unknown[] = [];
    const { provider, asked } = host(UPLOADED, async (job) => {
      jobs.push(job);
      return 2.5;
    });
    expect(await askForEstimates(provider, [candidate('one'), candidate('two')], files)).toEqual({
      candidates: [
        { id: 'one', usd: 2.5 },
        { id: 'two', usd: 2.5 },
      ],
      reason: null,
    });
    expect(asked).toEqual(UPLOADED);
    expect(jobs[0]).toMatchObject({ trainingFile: 'id of train-a.jsonl', validationFile: 'id of validation-b.jsonl' });
  });

  test('is skipped with the reason where it needs files that are not there, and nothing is uploaded for it', async () => {
    const { provider } = host(['train-a.jsonl']);
    expect(await askForEstimates(provider, [candidate('one')], files)).toEqual({
      candidates: null,
      reason: 'it needs uploaded files, and a plan uploads none',
    });
  });

  test('leaves out jobs on half of the rows, whose files a run makes', async () => {
    const { provider } = host(UPLOADED);
    const { candidates } = await askForEstimates(provider, [candidate('one'), candidate('half', true)], files);
    expect(candidates).toEqual([{ id: 'one', usd: 2.5 }]);
  });

  test('a refusal is a reason and no failure of the plan', async () => {
    const refused = new ProviderError('PROVIDER_REFUSED', 'no estimate today', { retryable: false, status: 400 });
    const { provider } = host(UPLOADED, () => Promise.reject(refused));
    expect(await askForEstimates(provider, [candidate('one')], files)).toEqual({
      candidates: null,
      reason: 'no estimate today',
    });
  });

  test('a provider without one says so', async () => {
    const { provider } = host(UPLOADED, null);
    expect(await askForEstimates(provider, [candidate('one')], files)).toMatchObject({ candidates: null });
  });
});
