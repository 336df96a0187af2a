import { isObject } from '../rows/json-value.ts';
import type { LogFormat } from './format.ts';
import { ofCall } from './request-response.ts';

/** Request logs of OpenPipe: `{"input": {"messages": [...]}, "output": {"choices": [...]}, "tags": {...}}`; https://docs.openpipe.ai/features/exporting-data. */
export const openpipe: LogFormat = {
  name: 'openpipe',
  what: 'request logs of OpenPipe',
  fits: ({ input, output, type }) => isObject(input) && 'messages' in input && isObject(output) && type === undefined,
  rows: ({ input, output, tags, ...others }) => [ofCall(input, output, { metadata: tags, ...others })],
};
