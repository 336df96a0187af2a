import path from 'node:path';
import { TREATMENTS } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Example } from '../core/dataset/row.ts';
import { messagesFor } from '../data/rows/messages.ts';
import { addressOf } from '../providers/profiles/index.ts';
import { questionKey } from '../stores/completion-cache.ts';
import { readLines } from '../stores/lines.ts';
import type { Definition } from './found-definition.ts';
import { filesUnder } from './home-files.ts';
import type { PlaceList } from './row-places.ts';
import type { StoredVersion } from './stored-versions.ts';

const KEY = Buffer.from('{"key":"');
const KEY_DIGITS = 43;
/** With more answers than this, removing the whole cache is better. */
const MOST_KEYS = 200_000;

/** The keys under which answers to rows may be kept. The cache holds no id and no prompt, only such hashes. */
export class AnswerKeys {
  readonly #definitions: readonly Definition[];
  readonly #trainerUrl: string;
  readonly #keys = new Set<string>();
  isFull = false;

  constructor(definitions: readonly Definition[], trainerUrl: string) {
    this.#definitions = definitions;
    this.#trainerUrl = trainerUrl;
  }

  /** All models that the runs of a dataset version may have asked about one of its examples. */
  add(
    example: Pick<Example, 'id' | 'input' | 'version' | 'slots'>,
    version: StoredVersion,
    models: Iterable<string>,
  ): void {
    const { template, pipeline } = version;
    if (!template) return;
    const prompts = TREATMENTS.flatMap((treatment) => {
      try {
        return [messagesFor(template, example, treatment)];
      } catch {
        // A bare input that does not fit a prompt with several slots: no model was asked with it.
        return [];
      }
    });
    const askers = this.#definitions.filter(({ name }) => name === pipeline);
    for (const model of models) {
      for (const { provider, evaluation } of askers) {
        const maxOutputTokens = evaluation.max_output_tokens ?? null;
        const address = addressOf(provider, this.#trainerUrl);
        for (const messages of prompts) {
          if (this.#keys.size >= MOST_KEYS) this.isFull = true;
          else this.#keys.add(questionKey({ address, model, messages, maxOutputTokens, temperature: 0 }));
        }
      }
    }
  }

  /** Looks for the answers. */
  async search(home: string, places: PlaceList, onFile: (file: string) => void): Promise<void> {
    if (this.#keys.size === 0) return;
    for await (const file of filesUnder(path.join(home, 'completions'))) {
      onFile(file);
      let line = 0;
      for await (const bytes of readLines(file)) {
        line += 1;
        if (!bytes.subarray(0, KEY.length).equals(KEY)) continue;
        const key = bytes.toString('latin1', KEY.length, KEY.length + KEY_DIGITS);
        if (this.#keys.has(key)) places.add('cached-answer', file, [], line);
      }
    }
  }
}
