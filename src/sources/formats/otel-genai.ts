import { isObject, type Json } from '../rows/json-value.ts';
import { unpacked } from '../rows/packed-json.ts';
import { filledText, type LogFormat, withoutEmpty } from './format.ts';

/**
 * Spans of calls of models in OTLP JSON, one export a line, by the semantic conventions for generative AI
 * (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), or by the older `gen_ai.prompt.0.content` of OpenLLMetry.
 */
export const otelGenai: LogFormat = {
  name: 'otel-genai',
  what: 'OpenTelemetry spans of calls of models',
  fits: (record) => Array.isArray(record.resourceSpans) || Array.isArray(record.resource_spans),
  rows: (record) =>
    listOf(record.resourceSpans ?? record.resource_spans)
      .flatMap((resource) =>
        listOf(resource.scopeSpans ?? resource.scope_spans ?? resource.instrumentationLibrarySpans),
      )
      .flatMap((scope) => listOf(scope.spans))
      .flatMap(ofSpan),
};

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

const OPERATIONS = new Set(['chat', 'text_completion', 'generate_content', 'completion']);

function ofSpan(span: Json): unknown[] {
  const attributes = { ...attributesOf(span), ...detailsOf(span) };
  const operation = attributes['gen_ai.operation.name'] ?? attributes['llm.request.type'];
  if (typeof operation === 'string' && !OPERATIONS.has(operation)) return [];
  const messages = unpacked(attributes['gen_ai.input.messages']) ?? numbered(attributes, 'gen_ai.prompt');
  const answers = unpacked(attributes['gen_ai.output.messages']) ?? numbered(attributes, 'gen_ai.completion');
  // A span that is no call of a model has none of these.
  if (messages === undefined && answers === undefined && operation === undefined) return [];
  const start = nanoseconds(span.startTimeUnixNano ?? span.start_time_unix_nano);
  const end = nanoseconds(span.endTimeUnixNano ?? span.end_time_unix_nano);
  const status = isObject(span.status) ? span.status.code : undefined;
  const reasons = unpacked(attributes['gen_ai.response.finish_reasons']);
  return [
    withoutEmpty({
      id: filledText(span.spanId ?? span.span_id),
      timestamp: start === undefined ? undefined : new Date(start).toISOString(),
      messages,
      system: unpacked(attributes['gen_ai.system_instructions']),
      completion: Array.isArray(answers) && answers.length === 1 ? answers[0] : answers,
      finish_reason: Array.isArray(reasons) ? reasons[0] : reasons,
      model: attributes['gen_ai.response.model'] ?? attributes['gen_ai.request.model'],
      usage: usageOf(attributes),
      latency_ms: start === undefined || end === undefined ? undefined : Math.round(end - start),
      error: status === 2 || status === 'STATUS_CODE_ERROR' ? 'the span failed' : undefined,
    }),
  ];
}

function attributesOf(record: Json): Json {
  return Object.fromEntries(listOf(record.attributes).map(({ key, value }) => [String(key), plainValue(value)]));
}

/** Contents may stand in an event of the span. */
function detailsOf(span: Json): Json {
  return Object.assign(
    {},
    ...listOf(span.events)
      .filter(({ name }) => String(name).startsWith('gen_ai.'))
      .map(attributesOf),
  );
}

/** OTLP names the type of each value. */
function plainValue(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { stringValue, intValue, doubleValue, boolValue, arrayValue, kvlistValue } = value;
  if (isObject(arrayValue)) return Array.isArray(arrayValue.values) ? arrayValue.values.map(plainValue) : [];
  if (isObject(kvlistValue))
    return Object.fromEntries(listOf(kvlistValue.values).map((each) => [String(each.key), plainValue(each.value)]));
  return stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue;
}

/** `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content` and so on; undefined where there is none. */
function numbered(attributes: Json, name: string): Json[] | undefined {
  const messages: Json[] = [];
  for (let index = 0; `${name}.${index}.content` in attributes || `${name}.${index}.role` in attributes; index += 1) {
    const at = `${name}.${index}.`;
    const fallback = name === 'gen_ai.completion' ? 'assistant' : 'user';
    messages.push(
      withoutEmpty({
        role: attributes[`${at}role`] ?? fallback,
        content: attributes[`${at}content`],
        finish_reason: attributes[`${at}finish_reason`],
      }),
    );
  }
  return messages.length > 0 ? messages : undefined;
}

function usageOf(attributes: Json): Json | undefined {
  const prompt = attributes['gen_ai.usage.input_tokens'] ?? attributes['gen_ai.usage.prompt_tokens'];
  const completion = attributes['gen_ai.usage.output_tokens'] ?? attributes['gen_ai.usage.completion_tokens'];
  return prompt === undefined || completion === undefined
    ? undefined
    : { prompt_tokens: prompt, completion_tokens: completion };
}

function nanoseconds(value: unknown): number | undefined {
  const number = typeof value === 'string' || typeof value === 'number' ? Number(value) / 1e6 : Number.NaN;
  return Number.isFinite(number) && number > 0 ? number : undefined;
}
