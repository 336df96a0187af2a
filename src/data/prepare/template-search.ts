import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { joinTurns } from '@tuneloop/app/internal/prompt/conversation';
import {
  type PromptTemplate,
  stripInstructions,
  type TemplateVersion,
} from '@tuneloop/app/internal/prompt/prompt-template';
import { readLine } from '../../contract/stored/format.ts';
import { LOG_ROW } from '../../contract/stored/rows.ts';
import type { LogRow } from '../../core/dataset/row.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import { TuneloopError } from '../../errors.ts';
import { readLines } from '../../stores/lines.ts';
import { parseTemplates } from '../instructions/explicit-template.ts';
import { type AnsweredPrompt, type KeptParts, keepWhatDecides } from '../instructions/kept-parts.ts';
import { mineTemplate } from '../instructions/template-mining.ts';
import { answerIssue } from '../rows/answer-issue.ts';

/** This many prompts show the instructions as well as more would. */
const MINED_PROMPTS = 2000;
/** From this share on, prompts of no known version are searched for a new one: fewer are odd rows. */
const UNKNOWN_SHARE = 0.02;

/**
 * The templates of the pipeline file, or those that a sample of prompts from all over the log shares, with the parts of the prompts that
 * answers may depend on.
 *
 * @param before the template of the version before. Its versions stay unchanged and new ones join them, because a row is
 * known by its input, which must not change when the log grows.
 */
export async function findTemplate(
  {
    clean: { instructions, turns },
    task,
  }: { clean: Pick<Pipeline['clean'], 'instructions' | 'turns'>; task: Pipeline['task'] },
  segments: readonly { file: string; rows: number }[],
  before: PromptTemplate | null,
): Promise<KeptParts> {
  return templateOf(await samplePrompts(segments), { instructions, turns, task }, before);
}

/** A prompt of the log, with its answer where that may be learnt from. */
export interface SampledPrompt {
  messages: Message[];
  answer: string | undefined;
}

/** As {@link findTemplate}, of a sample. */
export function templateOf(
  given: readonly SampledPrompt[],
  { instructions, turns, task }: Pick<Pipeline['clean'], 'instructions' | 'turns'> & Pick<Pipeline, 'task'>,
  before: PromptTemplate | null,
): KeptParts {
  const joined = turns === 'last' || turns === 'all';
  const sample = joined ? given.map(({ messages, answer }) => ({ messages: joinTurns(messages), answer })) : given;
  const prompts = sample.map(({ messages }) => messages);
  const answered = sample.filter((prompt): prompt is AnsweredPrompt => prompt.answer !== undefined);
  const classification = task === 'classification';
  const keep = (template: PromptTemplate, change: boolean) => {
    const kept = keepWhatDecides(template, answered, { classification, change });
    return joined ? { ...kept, template: { ...kept.template, conversation: true } } : kept;
  };
  if (instructions !== 'auto') return keep(parseTemplates(instructions.templates), false);
  if (before === null) return keep(mineTemplate(prompts), true);
  // The prompts are joined already.
  const known: PromptTemplate = { versions: before.versions };
  const unknown = prompts.filter((messages) => 'mismatch' in stripInstructions(known, messages));
  if (unknown.length <= prompts.length * UNKNOWN_SHARE) return keep(known, false);
  return keep({ versions: [...before.versions, ...mineVersions(unknown)] }, false);
}

/** Without versions that would accept any text: prompts that follow no version must not pass for inputs. */
function mineVersions(prompts: readonly Message[][]): TemplateVersion[] {
  try {
    return mineTemplate(prompts).versions.filter(({ messages }) =>
      messages.some(({ parts }) => parts.some((part) => typeof part === 'string' && part.trim() !== '')),
    );
  } catch (error) {
    // They stay rows that do not fit; whether they are too many is known when all rows have been read.
    if (error instanceof TuneloopError && error.code === 'INSTRUCTIONS_NOT_FOUND') return [];
    throw error;
  }
}

async function samplePrompts(segments: readonly { file: string; rows: number }[]): Promise<SampledPrompt[]> {
  const stride = Math.ceil(segments.reduce((sum, { rows }) => sum + rows, 0) / MINED_PROMPTS);
  const prompts: SampledPrompt[] = [];
  let index = 0;
  for (const { file } of segments) {
    for await (const line of readLines(file)) {
      if (index % stride === 0) prompts.push(sampleOf(readLine(LOG_ROW, line.toString('utf8'), file)));
      index += 1;
    }
  }
  return prompts;
}

/** A row's prompt with its answer, where nothing is known to be wrong with that. */
export function sampleOf({ messages, completion, actual, flaw }: LogRow): SampledPrompt {
  const answer = actual ?? (flaw === undefined ? completion : undefined);
  const usable = answer !== undefined && (actual !== undefined || answerIssue(answer) === undefined);
  return { messages, answer: usable ? answer : undefined };
}
