import { readJsonLine } from './json-line.ts';
import { parseTime } from './timestamp.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * The log row for an observation of Langfuse, or the later answer for a score of one, both in the shape of a log's lines; undefined for a
 * record that is neither an answered call nor a rating of one.
 *
 * Fields are named as in the export to blob storage (`observations_v2/`, `observations/`, `scores/`), or as in the API and the export from
 * the UI. Langfuse keeps input and output as text, which may hold JSON. The latency is computed from the times, because exports give it in
 * seconds or milliseconds, depending on their age.
 */
export function fromLangfuse(record: unknown): unknown {
  if (!isObject(record)) return record;
  return 'value' in record && !('type' in record) ? ofScore(record) : ofObservation(record);
}

function ofObservation(observation: Json): unknown {
  if (observation.type !== 'GENERATION') return undefined;
  const start = textOf(observation.start_time ?? observation.startTime);
  const end = textOf(observation.end_time ?? observation.endTime);
  const metadata = unpacked(observation.metadata);
  return withoutEmpty({
    id: observation.id,
    timestamp: start,
    ...promptOf(observation.input),
    completion: completionOf(observation.output),
    model: observation.provided_model_name ?? observation.providedModelName ?? observation.model,
    usage: usageOf(observation.usage_details ?? observation.usageDetails ?? observation.usage),
    latency_ms: start && end ? millisecondsBetween(start, end) : undefined,
    metadata: isObject(metadata) ? metadata : undefined,
  });
}

/** A number from 0 to 1 rates an observation; other scores (categories, texts, other scales, whole traces) do not. */
function ofScore(score: Json): unknown {
  const id = textOf(score.observation_id ?? score.observationId);
  const type = score.data_type ?? score.dataType ?? 'NUMERIC';
  const { value } = score;
  if (!id || (type !== 'NUMERIC' && type !== 'BOOLEAN')) return undefined;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) return undefined;
  const by = textOf(score.name);
  return withoutEmpty({
    actual_for: id,
    quality: value,
    by: by && `langfuse:${by}`,
    timestamp: score.timestamp,
  });
}

function promptOf(input: unknown): Json {
  const value = unpacked(input);
  if (Array.isArray(value)) return { messages: value };
  if (isObject(value) && Array.isArray(value.messages)) return { messages: value.messages };
  return isObject(value) && 'role' in value ? { messages: [value] } : { prompt: input };
}

/** The text of a message; any other output unchanged, so that its text can be read or its flaw reported. */
function completionOf(output: unknown): unknown {
  const value = unpacked(output);
  const message = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (isObject(message) && 'role' in message) return textOf(message.content) ?? message;
  if (isObject(message) && 'choices' in message) return message;
  if (typeof output === 'string') return textOf(output);
  return output == null ? undefined : JSON.stringify(output);
}

function usageOf(usage: unknown): unknown {
  if (!isObject(usage)) return undefined;
  const prompt = usage.input ?? usage.prompt_tokens ?? usage.promptTokens;
  const completion = usage.output ?? usage.completion_tokens ?? usage.completionTokens;
  return typeof prompt === 'number' && typeof completion === 'number'
    ? { prompt_tokens: prompt, completion_tokens: completion }
    : undefined;
}

function millisecondsBetween(start: string, end: string): number | undefined {
  const milliseconds = parseTime(end) - parseTime(start);
  return milliseconds >= 0 ? milliseconds : undefined;
}

/** The JSON object or list in a text; otherwise the text. */
function unpacked(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  const read = readJsonLine(Buffer.from(value), false);
  return 'value' in read && typeof read.value === 'object' ? read.value : value;
}

function withoutEmpty(record: Json): Json {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== null));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
