import { type PromptTemplate, stripInstructions } from '@tuneloop/app/internal/prompt/prompt-template';
import { placeText } from '../../core/dataset/issue.ts';
import type { Example } from '../../core/dataset/row.ts';
import { TuneloopError } from '../../errors.ts';
import { readJsonl } from '../../sources/containers/jsonl.ts';
import { parseJudgingRow } from '../../sources/log-row.ts';
import type { ErasedRows } from '../../stores/erased-rows.ts';
import { exampleOf } from './row-batch.ts';

/**
 * The examples of a test file. Whole prompts lose their instructions by the template.
 *
 * @param erased rows that are left out
 * @throws TuneloopError SOURCE_ROW_INVALID for a row that cannot be scored; SOURCE_EMPTY for a file without rows.
 */
export async function readHeldOut(
  file: string,
  template: PromptTemplate,
  erased: Pick<ErasedRows, 'has'>,
): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const row of readJsonl([file], parseJudgingRow)) {
    if (erased.has(row)) continue;
    if ('input' in row) {
      const { line, id, input, label, references } = row;
      examples.push({ id, line, input, completion: label, ...(references ? { references } : {}) });
      continue;
    }
    const { messages, completion, actual } = row;
    const stripped = stripInstructions(template, messages);
    const answer = actual ?? completion;
    if ('mismatch' in stripped || answer === undefined) {
      const problem = 'mismatch' in stripped ? stripped.mismatch : 'it has no answer';
      throw new TuneloopError('SOURCE_ROW_INVALID', `${placeText(row)}: ${problem}`);
    }
    examples.push(exampleOf(row, stripped, answer));
  }
  if (examples.length === 0) throw new TuneloopError('SOURCE_EMPTY', `${file} holds no test row`);
  return examples;
}
