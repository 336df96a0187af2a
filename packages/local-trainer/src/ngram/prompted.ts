import { LRUCache } from 'lru-cache';
import type { Example } from '../jobs/training-file.ts';
import type { CountedMessage } from '../tokens.ts';
import { type BaseModel, RECIPES } from './features.ts';
import { cutPrompt, type PromptKnowledge, readPrompt } from './prompt-knowledge.ts';
import { type SlottedExample, slotsOf, slotted, transfer } from './slots.ts';
import { fitVocabulary, type SparseRows, type Vocabulary } from './vocabulary.ts';

/** The answer of an untuned model to a prompt with neither classes nor examples. */
export const NOTHING_TO_GO_BY =
  'This is an untuned model of the local trainer, not an LLM: it answers only from classes or examples in its prompt, and this prompt holds none.';

/** The weight of the words of a class's name beside the nearest example of the class. */
const NAME_WEIGHT = 0.7;

const cache = new LRUCache<string, PromptedModel>({ maxSize: 64 * 1024 * 1024 });

/**
 * The answer of an untuned base model, from its prompt alone: the class whose examples and name are nearest to the input, or else the
 * nearest example's answer rewritten for the input. Instructions that were seen before are not parsed again.
 */
export function answerFromPrompt(base: BaseModel, messages: readonly CountedMessage[]): string {
  const { instructions, turns, input } = cutPrompt(messages);
  const key = turns.length === 0 ? `${base}\n${instructions}` : `${base}\n${instructions}\n${JSON.stringify(turns)}`;
  let model = cache.get(key);
  if (model === undefined) {
    const read = readPrompt(instructions);
    model = new PromptedModel(base, { classes: read.classes, examples: [...read.examples, ...turns] });
    cache.set(key, model, { size: 8_192 + key.length * 16 });
  }
  return model.answer(input);
}

/** A model made of classes and examples; pure, and quick to ask again. */
export class PromptedModel {
  readonly #examples: readonly Example[];
  /** The answers to choose from; empty when the task is to write text. */
  readonly #choices: readonly string[];
  readonly #choiceOf: readonly number[];
  readonly #vocabulary: Vocabulary;
  readonly #rows: SparseRows;
  readonly #own: Float32Array;
  readonly #slotted: readonly SlottedExample[];

  constructor(base: BaseModel, { classes, examples }: PromptKnowledge) {
    this.#examples = examples;
    const listed = new Set(classes);
    const fromList = examples.filter(({ completion }) => listed.has(completion)).length;
    const chooses = listed.size > 1 && fromList * 2 >= examples.length;
    this.#choices = chooses ? [...new Set([...classes, ...examples.map(({ completion }) => completion)])] : [];
    const numbers = new Map(this.#choices.map((choice, number) => [choice, number]));
    this.#choiceOf = examples.map(({ completion }) => numbers.get(completion) ?? -1);
    const texts = [...examples.map(({ input }) => input), ...this.#choices.map(wordsOfName)];
    const { vocabulary, rows } = fitVocabulary(texts, RECIPES[base], { fewestRows: 1, mostFeatures: 2 ** 18 });
    this.#vocabulary = vocabulary;
    this.#rows = rows;
    this.#own = new Float32Array(vocabulary.size);
    this.#slotted = chooses ? [] : examples.map(({ input, completion }) => slotted(input, completion));
  }

  answer(input: string): string {
    const similarities = this.#similarities(input);
    if (this.#choices.length > 0) return this.#choose(similarities);
    const slots = slotsOf(input);
    let answer = NOTHING_TO_GO_BY;
    let highest = Number.NEGATIVE_INFINITY;
    for (const [at, example] of this.#slotted.entries()) {
      const { text, fit } = transfer(example, slots);
      const merit = (similarities[at] as number) + fit;
      if (merit <= highest) continue;
      highest = merit;
      answer = text;
    }
    return answer;
  }

  #choose(similarities: Float32Array): string {
    const examples = this.#examples.length;
    const scores = new Float32Array(this.#choices.length);
    for (let at = 0; at < examples; at++) {
      const choice = this.#choiceOf[at] as number;
      scores[choice] = Math.max(scores[choice] as number, similarities[at] as number);
    }
    let best = 0;
    for (let choice = 0; choice < scores.length; choice++) {
      scores[choice] = (scores[choice] as number) + NAME_WEIGHT * (similarities[examples + choice] as number);
      if ((scores[choice] as number) > (scores[best] as number)) best = choice;
    }
    return this.#choices[best] ?? '';
  }

  /** Cosine of the input with each example and then with each choice's name. */
  #similarities(input: string): Float32Array {
    const { starts, indices, values } = this.#rows;
    const vector = this.#vocabulary.vectorize(input);
    const own = this.#own;
    for (let at = 0; at < vector.length; at++) own[vector.indices[at] as number] = vector.values[at] as number;
    const similarities = new Float32Array(starts.length - 1);
    for (let row = 0; row < similarities.length; row++) {
      let sum = 0;
      for (let at = starts[row] as number; at < (starts[row + 1] as number); at++) {
        sum += (own[indices[at] as number] as number) * (values[at] as number);
      }
      similarities[row] = sum;
    }
    for (let at = 0; at < vector.length; at++) own[vector.indices[at] as number] = 0;
    return similarities;
  }
}

/** `card_not_working` and `cardNotWorking` as words. */
function wordsOfName(name: string): string {
  return name.replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2').replace(/[_\-/.:]+/g, ' ');
}
