import { z } from 'zod';
import type { Inference, Model } from '../../inference.ts';
import type { FireworksApi } from './api.ts';

/** The account of the models that Fireworks offers to everybody. */
const LIBRARY = 'accounts/fireworks';

const modelAnswer = z.object({
  name: z.string(),
  state: z.string().nullish(),
  deprecationDate: z
    .object({ year: z.number().nullish(), month: z.number().nullish(), day: z.number().nullish() })
    .nullish(),
});

type ModelAnswer = z.infer<typeof modelAnswer>;

/**
 * Asks models by the OpenAI protocol, whose list at Fireworks has only models that are being served. So the list is made of the account's
 * models and the library's.
 */
export function withModelsOf(api: FireworksApi, inference: Inference): Inference {
  return {
    address: inference.address,
    settings: inference.settings,
    complete: (request) => inference.complete(request),
    listModels: async () => {
      const models = new Map<string, Model>();
      for (const account of new Set([LIBRARY, api.account])) {
        for await (const model of api.list('models', modelAnswer, account)) models.set(model.name, toModel(model));
      }
      return [...models.values()];
    },
  };
}

function toModel({ name, deprecationDate }: ModelAnswer): Model {
  const { year, month, day } = deprecationDate ?? {};
  // A part of a date that is not known is 0, or left out.
  const shutdownDate = year && month && day ? new Date(Date.UTC(year, month - 1, day)) : null;
  return { id: name, shutdownDate };
}
