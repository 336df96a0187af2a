/** What both programs of this example share: the messages that come in, the prompt around them, and where calls are logged. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const MODEL = process.env.MODEL ?? 'local-base';
export const LOG = process.env.CALL_LOG ?? fileURLToPath(new URL('logs/calls.jsonl', import.meta.url));

export interface Message {
  text: string;
  /** The team that has dealt with it in the end: the right answer. */
  team: string;
}

interface InboxRow {
  messages: { role: 'system' | 'user'; content: string }[];
  completion: string;
  actual?: string;
}

// The messages of the other example stand in for the inbox of a support desk.
const inbox = readFileSync(new URL('../support-triage/log.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): InboxRow => JSON.parse(line));

/** The long prompt that the application sends with each message. */
export const INSTRUCTIONS = inbox[0]?.messages[0]?.content ?? '';

/** The whole prompt for one message. */
export function promptOf({ text }: Pick<Message, 'text'>): { role: 'system' | 'user'; content: string }[] {
  return [
    { role: 'system', content: INSTRUCTIONS },
    { role: 'user', content: text },
  ];
}

/** The first messages of the inbox. @param count all of them by default */
export function readInbox(count = inbox.length): Message[] {
  return inbox.slice(0, count).map(({ messages, completion, actual }) => ({
    text: messages.at(-1)?.content ?? '',
    team: actual ?? completion,
  }));
}
