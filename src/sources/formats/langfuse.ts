import { isNothing, isObject, type Json } from '../rows/json-value.ts';
import { unpacked } from '../rows/packed-json.ts';
import { parseTime } from '../timestamp.ts';
import { filledText, type LogFormat, withoutEmpty } from './format.ts';

/**
 * Observations and scores of Langfuse, as the export to blob storage, the export from the UI (JSON and CSV) and the public API write them:
 * https://langfuse.com/docs/api-and-data-platform/features/export-from-ui and https://api.reference.langfuse.com.
 *
 * Langfuse keeps input and output as text, which may hold JSON. The latency is computed from the times, because exports give it in seconds or
 * milliseconds, depending on their age.
 */
export const langfuse: LogFormat = {
  name: 'langfuse',
  what: 'observations and scores of Langfuse',
  fits: (record) =>
    (typeof record.type === 'string' && TYPES.has(record.type) && ('input' in record || 'output' in record)) ||
    isScore(record),
  rows: (record) => (isScore(record) ? ofScore(record) : ofObservation(record)),
};

const TYPES = new Set([
  'GENERATION',
  'SPAN',
  'EVENT',
  'TOOL',
  'EMBEDDING',
  'AGENT',
  'CHAIN',
  'RETRIEVER',
  'EVALUATOR',
  'GUARDRAIL',
]);

function isScore(record: Json): boolean {
  return 'value' in record && !('type' in record) && ('observation_id' in record || 'observationId' in record);
}

function ofObservation(observation: Json): unknown[] {
  if (observation.type !== 'GENERATION') return [];
  const start = filledText(observation.start_time ?? observation.startTime);
  const end = filledText(observation.end_time ?? observation.endTime);
  const metadata = unpacked(observation.metadata);
  return [
    withoutEmpty({
      id: observation.id,
      timestamp: start,
      ...promptOf(observation.input),
      completion: completionOf(observation.output),
      model: observation.provided_model_name ?? observation.providedModelName ?? filledText(observation.model),
      usage: usageOf(observation.usage_details ?? observation.usageDetails ?? observation.usage),
      latency_ms: start && end ? millisecondsBetween(start, end) : undefined,
      metadata: isObject(metadata) ? metadata : undefined,
      // A failed call has its error text as output.
      level: observation.level === 'DEFAULT' ? undefined : observation.level,
    }),
  ];
}

/** A number rates an observation; a correction is the right answer; categories, texts and scores of whole traces are neither. */
function ofScore(score: Json): unknown[] {
  const id = filledText(score.observation_id ?? score.observationId);
  const type = score.data_type ?? score.dataType ?? 'NUMERIC';
  if (!id) return [];
  const name = filledText(score.name);
  const answer = { actual_for: id, by: name && `langfuse:${name}`, timestamp: score.timestamp };
  if (type === 'CORRECTION') {
    const text = filledText(score.string_value ?? score.stringValue);
    return text === undefined ? [] : [withoutEmpty({ ...answer, actual: correctionOf(text) })];
  }
  if (type !== 'NUMERIC' && type !== 'BOOLEAN') return [];
  return typeof score.value === 'number' ? [withoutEmpty({ ...answer, quality: score.value })] : [];
}

/** A correction of an output that was a message may be one too. */
function correctionOf(text: string): unknown {
  const value = unpacked(text);
  return isObject(value) && typeof value.role === 'string' && typeof value.content === 'string' ? value.content : text;
}

function promptOf(input: unknown): Json {
  const value = unpacked(input);
  if (Array.isArray(value)) return { messages: value };
  if (isObject(value) && Array.isArray(value.messages)) {
    const { messages, system, instructions, tools } = value;
    const asked = { messages, system, instructions, tools };
    return Object.fromEntries(Object.entries(asked).filter(([, each]) => !isNothing(each)));
  }
  return isObject(value) && 'role' in value ? { messages: [value] } : { prompt: input };
}

/** The text of a message; any other output unchanged, so that its text can be read or its flaw reported. */
function completionOf(output: unknown): unknown {
  const value = unpacked(output);
  const message: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (isObject(message) && 'role' in message) return filledText(message.content) ?? message;
  if (isObject(message) && 'choices' in message) return message;
  if (typeof output === 'string') return filledText(output);
  return output == null ? undefined : typeof output === 'object' ? output : JSON.stringify(output);
}

function usageOf(usage: unknown): unknown {
  const counts = unpacked(usage);
  if (!isObject(counts)) return undefined;
  const prompt = counts.input ?? counts.prompt_tokens ?? counts.promptTokens;
  const completion = counts.output ?? counts.completion_tokens ?? counts.completionTokens;
  return typeof prompt === 'number' && typeof completion === 'number'
    ? { prompt_tokens: prompt, completion_tokens: completion }
    : undefined;
}

function millisecondsBetween(start: string, end: string): number | undefined {
  const milliseconds = parseTime(end) - parseTime(start);
  return milliseconds >= 0 ? milliseconds : undefined;
}
