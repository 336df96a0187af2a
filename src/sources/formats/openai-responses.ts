import { isObject } from '../rows/json-value.ts';
import type { LogFormat } from './format.ts';

/** Responses of OpenAI's Responses API with their input: https://platform.openai.com/docs/api-reference/responses/object. */
export const openaiResponses: LogFormat = {
  name: 'openai-responses',
  what: 'calls of the Responses API',
  fits: ({ input, output, object, status, instructions }) =>
    input !== undefined &&
    Array.isArray(output) &&
    (object === 'response' || status !== undefined || instructions !== undefined),
  rows: ({ input, output, usage, ...others }) => [
    {
      ...others,
      input,
      completion: { object: 'response', output },
      ...(isObject(usage) ? { usage } : {}),
      timestamp: others.timestamp ?? others.created_at,
    },
  ],
};
