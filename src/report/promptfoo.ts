import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { stringify } from 'yaml';
import { TuneloopError } from '../errors.ts';
import type { Report } from './report.ts';

/** The address of the models for promptfoo; null for OpenAI's own address, which it knows. */
export interface PromptfooServer {
  baseURL: string | null;
  /** Name of the environment variable that holds the key; null where the server needs none. */
  apiKeyEnv: string | null;
}

/** One row of the comparison; null stands for prompts that no model gets. */
interface PromptfooRow {
  /** The winner's prompt. */
  treated: readonly Message[];
  original: readonly Message[] | null;
  /** The recorded answer. */
  recorded: string | null;
  /** All right answers. */
  expected: readonly string[];
}

/** The file of the rows, beside the one of the config. */
export const PROMPTFOO_TESTS = 'tests.jsonl';

// Each variable is JSON text, which promptfoo puts in as it is and its providers read as messages.
const PROMPTS = {
  treated: { id: 'treated', label: 'what the winner gets', raw: '{{treated}}' },
  original: { id: 'original', label: 'original prompt', raw: '{{original}}' },
  recorded: { id: 'recorded', label: 'recorded answer', raw: '{{recorded | load}}' },
};
type PromptName = keyof typeof PROMPTS;

/** The metrics by which an answer is right or wrong. promptfoo measures none of the others as a run does. */
const EXACT_METRICS = ['accuracy', 'exact_match'];
const IS_RIGHT = 'JSON.parse(context.vars.expected).some((right) => right.trim() === String(output).trim())';

/** Whether a baseline or an alternative gets the original prompt. */
export function asksOriginal({ baseline, alternatives }: Report): boolean {
  return (baseline.kind === 'live' && baseline.model !== null) || alternatives.length > 0;
}

/** Whether recorded answers are shown: then only rows with a checked answer can be compared. */
export function showsRecorded({ baseline }: Report): boolean {
  return baseline.kind === 'recorded' && baseline.score !== null;
}

/**
 * A config of promptfoo, as YAML, that repeats the last comparison of a run: the winner with the prompts of its training, the baseline and
 * the alternatives with the original prompt. A recorded baseline is repeated by its recorded answers. The rows are in {@link
 * PROMPTFOO_TESTS}, a {@link promptfooTest} a line.
 *
 * @throws TuneloopError REPORT_UNREADABLE for a model whose name promptfoo would take for a template.
 */
export function promptfooConfig(
  report: Report & { winnerModel: string },
  server: PromptfooServer,
  maxOutputTokens: number | undefined,
): string {
  const { pipeline, runId, metric, judgedOn, baseline, alternatives, winnerModel } = report;
  const isExact = EXACT_METRICS.includes(metric);
  const asked = (label: string, model: string, prompt: PromptName) => ({
    id: `openai:chat:${inertName(model)}`,
    label,
    prompts: [PROMPTS[prompt].label],
    config: {
      ...(server.baseURL === null ? {} : { apiBaseUrl: server.baseURL }),
      // It always asks for a key.
      ...(server.apiKeyEnv === null ? { apiKey: 'none' } : { apiKeyEnvar: server.apiKeyEnv }),
      // Without it answers are cut off after 1,024 tokens.
      omitDefaults: true,
      temperature: 0,
      ...(maxOutputTokens === undefined ? {} : { passthrough: { max_completion_tokens: maxOutputTokens } }),
    },
  });
  const providers = [
    asked('winner', winnerModel, 'treated'),
    ...(baseline.kind === 'live' && baseline.model !== null ? [asked('baseline', baseline.model, 'original')] : []),
    ...(showsRecorded(report) ? [{ id: 'echo', label: 'baseline (recorded)', prompts: [PROMPTS.recorded.label] }] : []),
    // It knows no constraint that all hosts have.
    ...alternatives
      .filter(({ constrained }) => !constrained)
      .map(({ model }) => asked(`alternative: ${model}`, model, 'original')),
  ];
  const used: PromptName[] = [
    'treated',
    ...(asksOriginal(report) ? (['original'] as const) : []),
    ...(showsRecorded(report) ? (['recorded'] as const) : []),
  ];
  const unmeasured = isExact ? '' : `; promptfoo does not know the metric ${metric}, so nothing is scored`;
  return stringify(
    {
      description: `${pipeline}, ${runId}: the winner on the ${judgedOn} rows${unmeasured}`,
      prompts: used.map((name) => PROMPTS[name]),
      providers,
      ...(isExact ? { defaultTest: { assert: [{ type: 'javascript', metric, value: IS_RIGHT }] } } : {}),
      tests: `file://${PROMPTFOO_TESTS}`,
    },
    { lineWidth: 0 },
  );
}

/** A config may read the environment too, and a server may use any names for its models. */
function inertName(model: string): string {
  if (!/[{}]/.test(model)) return model;
  throw new TuneloopError(
    'REPORT_UNREADABLE',
    `promptfoo cannot ask the model ${JSON.stringify(model)}: it takes braces in a name for a template`,
  );
}

/** A test of promptfoo as one line of JSON, without the line break. */
export function promptfooTest({ treated, original, recorded, expected }: PromptfooRow): string {
  return JSON.stringify({
    vars: {
      treated: inertMessages(treated),
      ...(original === null ? {} : { original: inertMessages(original) }),
      ...(recorded === null ? {} : { recorded: inertText(recorded) }),
      expected: inertList(expected.map(inertText)),
    },
  });
}

/*
 * JSON text that promptfoo takes as it is. It puts values into each other as Nunjucks templates that can read the environment,
 * and loads a variable that begins with `file://` or `package:` from the disk: a row of production must never be able to ask
 * for that. JSON text begins with a bracket or a quote, and with all braces of its strings escaped it is no template.
 */

function inertMessages(messages: readonly Message[]): string {
  return inertList(messages.map(({ role, content }) => `{"role":${inertText(role)},"content":${inertText(content)}}`));
}

function inertList(items: readonly string[]): string {
  return `[${items.join(',')}]`;
}

function inertText(text: string): string {
  return JSON.stringify(text).replaceAll('{', '\\u007b').replaceAll('}', '\\u007d');
}
