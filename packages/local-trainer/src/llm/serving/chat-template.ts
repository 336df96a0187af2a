import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { CountedMessage } from '../../tokens.ts';

/** Renders messages up to where the answer begins, as training does. */
export type ChatTemplate = (messages: readonly CountedMessage[]) => string;

/** The chat template of a model's folder in Transformers form. */
export function readChatTemplate(folder: string): ChatTemplate {
  const template = new Template(readFileSync(join(folder, 'chat_template.jinja'), 'utf8'));
  const tokens = specialTokens(join(folder, 'tokenizer_config.json'));
  return (messages) => {
    try {
      return template.render({
        ...tokens,
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: true,
      });
    } catch (error) {
      // A template may refuse roles, and their order.
      throw invalid('messages', `The model's chat template refuses the messages: ${(error as Error).message}`);
    }
  };
}

/** Templates name them. Each is a text, or a record that holds it. */
function specialTokens(path: string): Record<string, string> {
  const config: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  if (!isRecord(config)) return {};
  const found: Record<string, string> = {};
  for (const name of ['bos_token', 'eos_token', 'unk_token', 'pad_token']) {
    const token = config[name];
    const text = isRecord(token) ? token.content : token;
    if (typeof text === 'string') found[name] = text;
  }
  return found;
}
