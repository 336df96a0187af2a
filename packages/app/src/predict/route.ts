import { createHash } from 'node:crypto';
import type { Message } from '../prompt/chat-message.ts';
import { modelPrompt } from '../prompt/model-prompt.ts';
import { promptForInput, stripInstructions } from '../prompt/prompt-template.ts';
import type { Alias, AliasProvider, Arm, ServedModel } from './alias.ts';
import type { CallOutcome } from './served-call.ts';

/** One model that can be asked, with the facts that a request to it needs. */
export interface Attempt {
  arm: Arm;
  model: string;
  /** What to call the model by: its own name, or the one that a serving lease gives it. */
  callAs: string;
  /** The provider of the model, where that is another one than the alias names. */
  provider?: AliasProvider | undefined;
  messages: Message[];
  /** Fields of the request, by which the provider holds the answer to a form. */
  constraint?: Record<string, unknown> | undefined;
  /** The labels that it may answer; null where they are not limited, or unknown. */
  labels: readonly string[] | null;
}

/** The models for a call. */
export interface CallRoute {
  /** The arm that the call belongs to. */
  arm: Arm;
  /** Why the arm's model is not among the attempts; null where it is, or where the model of the original prompt is unknown. */
  notAsked: Extract<CallOutcome, 'unfit' | 'shutdown'> | null;
  /** In this order, each if those before it have failed. Empty where no model can be asked. */
  attempts: Attempt[];
  /** The original prompt; null where it cannot be built of the input alone. */
  prompt: readonly Message[] | null;
}

export interface RouteOptions {
  /** Calls of the same key stay on the same side of a canary. Default: the input. */
  key?: string | undefined;
  /** Milliseconds since 1970. */
  now: number;
  /** The model for the original prompt, instead of the one that the log names. */
  originalModel?: string | undefined;
}

/**
 * Decides the arm of a call and the models to ask: the arm's model, then the champion, then the original prompt.
 *
 * @param alias null before the first decision.
 * @param input an input without instructions, or the original prompt around it.
 */
export function routeCall(
  alias: Alias | null,
  input: string | readonly Message[],
  { key, now, originalModel }: RouteOptions,
): CallRoute {
  const { champion = null, canary = null } = alias ?? {};
  const prompt = originalPrompt(alias, input);
  const isCanary = canary !== null && inShare(canary, key ?? inputOf(canary, input));
  const arm = isCanary ? 'canary' : champion ? 'champion' : 'original';
  const asked = [
    ...(isCanary ? [ask('canary', canary, input, now)] : []),
    ...(champion ? [ask('champion', champion, input, now)] : []),
  ];
  const attempts = asked.flatMap((each) => (typeof each === 'string' ? [] : [each]));
  const model = originalModel ?? alias?.original.model;
  if (prompt && model) {
    const { labels = null } = champion ?? canary ?? {};
    const provider = alias?.original.provider;
    attempts.push({
      arm: 'original',
      model,
      callAs: model,
      ...(provider && { provider }),
      messages: prompt.map(wellFormed),
      labels,
    });
  }
  const [first = prompt ? null : 'unfit'] = asked;
  return { arm, notAsked: typeof first === 'string' ? first : null, attempts, prompt };
}

function originalPrompt(alias: Alias | null, input: string | readonly Message[]): readonly Message[] | null {
  if (typeof input !== 'string') return input;
  return (alias && promptForInput(alias.original.template, input, 'keep-instructions')) ?? null;
}

function ask(
  arm: Arm,
  served: ServedModel,
  input: string | readonly Message[],
  now: number,
): Attempt | 'unfit' | 'shutdown' {
  const { model, callAs = model, provider, constraint, labels, shutdownDate } = served;
  if (shutdownDate !== null && Date.parse(shutdownDate) <= now) return 'shutdown';
  const messages = treated(served, input);
  if (!messages) return 'unfit';
  const optional = { ...(provider && { provider }), ...(constraint && { constraint }) };
  return { arm, model, callAs, ...optional, messages: messages.map(wellFormed), labels };
}

/** The input in the form of the model's training; undefined for a prompt that does not follow its template. */
function treated({ template, treatment }: ServedModel, input: string | readonly Message[]): Message[] | undefined {
  if (typeof input === 'string') return modelPrompt(template, { input }, treatment);
  const stripped = stripInstructions(template, input);
  return 'mismatch' in stripped ? undefined : modelPrompt(template, stripped, treatment);
}

/** As in training files, because UTF-8 cannot hold lone surrogates. */
function wellFormed({ role, content }: Message): Message {
  return { role, content: content.toWellFormed() };
}

/** The same for an input and for the prompt around it. */
function inputOf({ template }: ServedModel, input: string | readonly Message[]): string {
  if (typeof input === 'string') return input;
  const stripped = stripInstructions(template, input);
  return 'mismatch' in stripped ? JSON.stringify(input.map(({ content }) => content)) : stripped.input;
}

/**
 * Whether a key is in the share of a canary. Each model draws its own keys; of one model a wider share keeps those of a
 * smaller one.
 */
function inShare({ model, share }: { model: string; share: number }, key: string): boolean {
  const hash = createHash('sha256').update(`${model}\n${key}`).digest();
  return hash.readUIntBE(0, 6) / 2 ** 48 < share;
}
