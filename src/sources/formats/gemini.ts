import { isObject } from '../rows/json-value.ts';
import type { LogFormat } from './format.ts';
import { ofCall } from './request-response.ts';

/** Calls of Gemini: `contents`, `systemInstruction` and `candidates` in one object; https://ai.google.dev/api/generate-content. */
export const gemini: LogFormat = {
  name: 'gemini',
  what: 'calls of Gemini',
  fits: ({ contents, candidates, response }) =>
    contents !== undefined && (Array.isArray(candidates) || (isObject(response) && 'candidates' in response)),
  rows: (record) => [
    ofCall(record, isObject(record.response) ? record.response : record, {
      ...record,
      model: record.modelVersion ?? record.model,
    }),
  ],
};
