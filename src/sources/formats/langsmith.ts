import { isNothing, isObject, type Json } from '../rows/json-value.ts';
import { unpacked } from '../rows/packed-json.ts';
import { parseTime } from '../timestamp.ts';
import { filledText, type LogFormat, withoutEmpty } from './format.ts';

/**
 * Runs and dataset examples of LangSmith: https://docs.smith.langchain.com/reference/data_formats/run_data_format. Only runs of models are calls;
 * chains and tools are passed over.
 */
export const langsmith: LogFormat = {
  name: 'langsmith',
  what: 'runs or examples of LangSmith',
  fits: (record) => 'inputs' in record && 'outputs' in record,
  rows: (record) => (record.run_type === undefined || record.run_type === 'llm' ? [ofRun(record)] : []),
};

function ofRun(run: Json): Json {
  const extra = isObject(run.extra) ? run.extra : {};
  const metadata = isObject(extra.metadata) ? extra.metadata : run.metadata;
  const start = filledText(run.start_time);
  const end = filledText(run.end_time);
  const latency = start && end ? parseTime(end) - parseTime(start) : undefined;
  const invocation = isObject(extra.invocation_params) ? extra.invocation_params : {};
  return withoutEmpty({
    id: run.id,
    timestamp: start ?? run.created_at,
    ...promptOf(unpacked(run.inputs)),
    completion: answerOf(unpacked(run.outputs)),
    model: isObject(metadata) ? (metadata.ls_model_name ?? invocation.model) : invocation.model,
    usage:
      typeof run.prompt_tokens === 'number' && typeof run.completion_tokens === 'number'
        ? { prompt_tokens: run.prompt_tokens, completion_tokens: run.completion_tokens }
        : undefined,
    latency_ms: latency !== undefined && latency >= 0 ? latency : undefined,
    metadata,
    error: isNothing(run.error) ? undefined : run.error,
  });
}

function promptOf(inputs: unknown): Json {
  if (!isObject(inputs)) return { prompt: inputs };
  if ('messages' in inputs) {
    const { messages, system, tools } = inputs;
    return withoutEmpty({ messages, system, tools });
  }
  // Completion models take a list of prompts.
  if ('prompts' in inputs) return { prompt: inputs.prompts };
  const values = Object.values(inputs);
  return { prompt: values.length === 1 ? values[0] : JSON.stringify(inputs) };
}

/** An output of one value is that value: datasets name it as they like. */
function answerOf(outputs: unknown): unknown {
  if (!isObject(outputs)) return outputs;
  if (['generations', 'choices', 'role', 'message', 'output', 'error'].some((key) => key in outputs)) {
    return 'output' in outputs && Object.keys(outputs).length === 1 ? outputs.output : outputs;
  }
  const values = Object.values(outputs);
  return values.length === 1 ? values[0] : isNothing(outputs) ? undefined : outputs;
}
