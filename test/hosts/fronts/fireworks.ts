import { FIREWORKS } from '../../../src/providers/profiles/fireworks.ts';
import type { Front, HostError } from '../front.ts';
import { newId } from '../ids.ts';
import { chatRoutes } from './fireworks-chat.ts';
import { datasetRoutes } from './fireworks-datasets.ts';
import { jobRoutes } from './fireworks-jobs.ts';
import { ACCOUNT, API, modelName, page, timeOf } from './fireworks-resources.ts';
import { servingRoutes } from './fireworks-serving.ts';

const DOCUMENT = 'fireworks/fine-tuning.openapi.json';

/** The codes of gRPC that stand for a status. */
const CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 6,
  412: 9,
  429: 8,
  500: 13,
  503: 14,
};

/** Fireworks: resources of an account with ids of the caller, adapters on one deployment, questions by OpenAI's protocol. */
export const FIREWORKS_FRONT: Front = {
  profile: FIREWORKS,
  routes: [
    ...datasetRoutes(),
    ...jobRoutes(),
    ...servingRoutes(),
    ...chatRoutes(),
    {
      method: 'GET',
      path: `${API}/{account}/models`,
      operation: 'models.list',
      handle: ({ params, query }, { models }) => {
        const listed = params.account === ACCOUNT ? models.tuned : params.account === 'fireworks' ? models.bases : [];
        const shown = listed.map(({ id, createdAt, tuned }) => ({
          name: id,
          state: 'READY',
          kind: tuned ? 'HF_PEFT_ADDON' : 'HF_BASE_MODEL',
          createTime: timeOf(createdAt),
        }));
        return { body: page('models', shown, query) };
      },
    },
    {
      method: 'DELETE',
      path: `${API}/{account}/models/{id}`,
      operation: 'models.delete',
      handle: ({ params: { account = '', id = '' } }, { models }) => {
        models.delete(modelName(id, account));
        return { body: {} };
      },
    },
  ],
  specs: [{ file: DOCUMENT, prefix: '' }],
  invalidStatus: 400,
  errorBody: ({ status, message }: HostError) => ({ code: CODES[status] ?? 2, message, details: [] }),
  errorSchema: { file: DOCUMENT, schema: 'RpcError' },
  names: {
    job: () => newId('job-', 8),
    model: ({ id }) => modelName(id),
    checkpoint: ({ id }, step) => modelName(`${id}-step-${step}`),
  },
  settings: (origin) => ({
    baseURL: origin,
    addresses: { inference: `${origin}/inference/v1` },
    options: { account: ACCOUNT },
  }),
};
