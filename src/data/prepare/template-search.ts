import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import {
  type PromptTemplate,
  stripInstructions,
  type TemplateVersion,
} from '@tuneloop/app/internal/prompt/prompt-template';
import { readLine } from '../../contract/stored/format.ts';
import { LOG_ROW } from '../../contract/stored/rows.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import { TuneloopError } from '../../errors.ts';
import { readLines } from '../../stores/lines.ts';
import { parseTemplates } from '../instructions/explicit-template.ts';
import { mineTemplate } from '../instructions/template-mining.ts';

/** This many prompts show the instructions as well as more would. */
const MINED_PROMPTS = 2000;
/** From this share on, prompts of no known version are searched for a new one: fewer are odd rows. */
const UNKNOWN_SHARE = 0.02;

/**
 * The templates of the pipeline file, or those that a sample of prompts from all over the log shares.
 *
 * @param before the template of the version before. Its versions stay unchanged and new ones join them, because a row is
 * known by its input, which must not change when the log grows.
 */
export async function findTemplate(
  instructions: Pipeline['clean']['instructions'],
  segments: readonly { file: string; rows: number }[],
  before: PromptTemplate | null,
): Promise<PromptTemplate> {
  if (instructions !== 'auto') return parseTemplates(instructions.templates);
  const prompts = await samplePrompts(segments);
  if (before === null) return mineTemplate(prompts);
  const unknown = prompts.filter((messages) => 'mismatch' in stripInstructions(before, messages));
  if (unknown.length <= prompts.length * UNKNOWN_SHARE) return before;
  return { versions: [...before.versions, ...mineVersions(unknown)] };
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

async function samplePrompts(segments: readonly { file: string; rows: number }[]): Promise<Message[][]> {
  const stride = Math.ceil(segments.reduce((sum, { rows }) => sum + rows, 0) / MINED_PROMPTS);
  const prompts: Message[][] = [];
  let index = 0;
  for (const { file } of segments) {
    for await (const line of readLines(file)) {
      if (index % stride === 0) prompts.push(readLine(LOG_ROW, line.toString('utf8'), file).messages);
      index += 1;
    }
  }
  return prompts;
}
