import { isObject, type Json } from '../rows/json-value.ts';
import { filledText, type LogFormat } from './format.ts';
import { ofCall } from './request-response.ts';

/** Requests of Helicone, as its API and its export write them: https://docs.helicone.ai/rest/request/post-v1requestquery. */
export const helicone: LogFormat = {
  name: 'helicone',
  what: 'requests of Helicone',
  fits: (record) => 'request_body' in record && 'response_body' in record,
  rows: (record) => [
    ofCall(record.request_body, record.response_body, {
      id: record.request_id ?? record.id,
      timestamp: record.request_created_at ?? record.created_at,
      latency_ms: record.delay_ms ?? record.latency ?? record.latency_ms,
      status_code: record.response_status ?? record.status,
      metadata: record.request_properties ?? record.properties,
      model: filledText(record.response_model) ?? filledText(record.request_model) ?? filledText(record.model),
      ...ratingOf(record),
    }),
  ],
};

function ratingOf({ feedback_rating: rating, helicone_feedback: feedback }: Json): Json {
  const value = rating ?? (isObject(feedback) ? feedback.rating : undefined);
  return typeof value === 'boolean' ? { quality: value ? 1 : 0 } : {};
}
