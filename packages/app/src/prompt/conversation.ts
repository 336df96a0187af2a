import type { Message } from './chat-message.ts';

const NAMES: Record<Message['role'], string> = {
  system: 'System',
  developer: 'System',
  user: 'User',
  assistant: 'Assistant',
  tool: 'Tool',
};

/** A conversation as one message of the user, each turn behind the name of its speaker; system messages at its start stay. */
export function joinTurns(messages: readonly Message[]): Message[] {
  const from = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  if (from === -1) return [...messages];
  const turns = messages.slice(from).map(({ role, content }) => `${NAMES[role]}: ${content}`);
  return [...messages.slice(0, from), { role: 'user', content: turns.join('\n\n') }];
}
