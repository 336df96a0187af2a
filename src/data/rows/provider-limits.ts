import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type { PromptTemplate, Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import type { RowIssue } from '../../core/dataset/issue.ts';
import type { Manifest } from '../../core/dataset/manifest.ts';
import type { Example } from '../../core/dataset/row.ts';
import type { ProviderLimits } from '../../providers/profile.ts';
import { messagesFor } from './messages.ts';

/** The tokens of a chat besides its contents (OpenAI cookbook): 3 a message and 1 for its role, and 3 that open the reply. */
const TOKENS_PER_MESSAGE = 4;
const TOKENS_PER_REPLY = 3;

/** Why a provider of these limits would refuse an example in a training file of one of the treatments. */
export function exampleIssue(
  template: PromptTemplate,
  example: Example,
  treatments: readonly Treatment[],
  { roles, tokensPerExample }: Pick<ProviderLimits, 'roles' | 'tokensPerExample'>,
): RowIssue | undefined {
  for (const treatment of treatments) {
    const prompt = messagesFor(template, example, treatment);
    if (prompt.some(({ role }) => !roles.includes(role))) return 'unsupported-role';
    if (isTooLong([...prompt, { role: 'assistant', content: example.completion }], tokensPerExample))
      return 'over-token-limit';
  }
  return undefined;
}

/** Counting is slow and rarely needed: a token is at least a byte, and a UTF-16 code unit at most three. */
function isTooLong(messages: readonly Message[], mostTokens: number): boolean {
  const most = mostTokens - messages.length * TOKENS_PER_MESSAGE - TOKENS_PER_REPLY;
  if (lengthOf(messages) * 3 <= most) return false;
  const encoder = new TextEncoder();
  if (messages.reduce((sum, { content }) => sum + encoder.encode(content).length, 0) <= most) return false;
  let tokens = 0;
  for (const { content } of messages) {
    for (const piece of piecesOf(content)) {
      tokens += countTokens(piece, PLAIN);
      if (tokens > most) return true;
    }
  }
  return false;
}

/** Of short texts, which are counted in 10 microseconds each. */
const COUNTED_INPUTS = 20_000;
/** Of whole prompts, which are long and resemble one another. */
const COUNTED_PROMPTS = 1000;

/**
 * Counts the tokens of training examples: each of the first 20,000 (of whole prompts the first 1,000), then a falling share, so that at
 * least half of that number are always counted, spread evenly over all rows. The others are estimated by their length.
 */
export class TokenEstimate {
  readonly #template: PromptTemplate;
  readonly #requests: ReadonlyMap<Treatment, SampledCount>;
  readonly #completions = new SampledCount(COUNTED_INPUTS);
  readonly #prompts = new SampledCount(COUNTED_PROMPTS);

  constructor(template: PromptTemplate, treatments: readonly Treatment[]) {
    this.#template = template;
    this.#requests = new Map(
      treatments.map((treatment) => [
        treatment,
        new SampledCount(treatment === 'strip' ? COUNTED_INPUTS : COUNTED_PROMPTS),
      ]),
    );
  }

  add(example: Example): void {
    for (const [treatment, count] of this.#requests) count.add(messagesFor(this.#template, example, treatment));
    this.#completions.add([{ role: 'assistant', content: example.completion }]);
    this.#prompts.add(messagesFor(this.#template, example, 'keep-instructions'));
  }

  /** Zeros where no example was added. */
  all(): Manifest['tokens'] {
    const { rows, contents: completions } = this.#completions;
    const mean = (tokens: number) => (rows === 0 ? 0 : tokens / rows);
    const treated = [...this.#requests].map(([treatment, request]) => [
      treatment,
      {
        train: Math.round(request.withFrames + completions + rows * TOKENS_PER_MESSAGE),
        request: mean(request.withFrames),
      },
    ]);
    return {
      treated: Object.fromEntries(treated),
      completion: mean(completions),
      prompt: mean(this.#prompts.withFrames),
    };
  }
}

/** Tokens of a request, without its answer. */
export function countMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + countText(content) + TOKENS_PER_MESSAGE, TOKENS_PER_REPLY);
}

/** Counts the tokens of a sample of requests, and assumes that the others have as many in proportion to their length. */
class SampledCount {
  rows = 0;
  readonly #capacity: number;
  #sample: { position: number; length: number; tokens: number }[] = [];
  /** Rows whose position is below this are in the sample. */
  #bound = 1;
  #length = 0;
  #messages = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(messages: readonly Message[]): void {
    // Multiples of the golden ratio, modulo 1, lie evenly however many there are, and follow no period of the log.
    const position = (this.rows * GOLDEN_RATIO) % 1;
    const length = lengthOf(messages);
    this.rows += 1;
    this.#messages += messages.length;
    this.#length += length;
    if (position >= this.#bound) return;
    const tokens = messages.reduce((sum, { content }) => sum + countText(content), 0);
    this.#sample.push({ position, length, tokens });
    if (this.#sample.length <= this.#capacity) return;
    this.#bound /= 2;
    this.#sample = this.#sample.filter((counted) => counted.position < this.#bound);
  }

  /** Tokens in all rows. */
  get contents(): number {
    const tokens = this.#sample.reduce((sum, counted) => sum + counted.tokens, 0);
    const length = this.#sample.reduce((sum, counted) => sum + counted.length, 0);
    return this.#length === length ? tokens : (tokens / length) * this.#length;
  }

  get withFrames(): number {
    return this.contents + this.#messages * TOKENS_PER_MESSAGE + this.rows * TOKENS_PER_REPLY;
  }
}

const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

function lengthOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + content.length, 0);
}

export function countText(text: string): number {
  let tokens = 0;
  for (const piece of piecesOf(text)) tokens += countTokens(piece, PLAIN);
  return tokens;
}

// A row may hold "<|endoftext|>" and the like: such text is plain text there, and no error.
const PLAIN = { disallowedSpecial: new Set<string>() };

/** UTF-16 code units. The time that a word takes grows with the square of its length, so that one of 100 kB takes seconds. */
const PIECE = 4000;

/** Cut before a space, where no token crosses. */
function* piecesOf(text: string): Iterable<string> {
  let start = 0;
  while (text.length - start > PIECE) {
    const space = text.lastIndexOf(' ', start + PIECE);
    const end = space > start ? space : start + PIECE;
    yield text.slice(start, end);
    start = end;
  }
  yield text.slice(start);
}
