import type { LogRow } from '../../core/dataset/row.ts';

/** The texts by which rows of one conversation are known. */
export interface ConversationPlace {
  /** How the conversation began: equal in all rows of it. */
  beginning: string;
  /** All that was said before the last message of the user; empty in the first turn. */
  before: string;
  /** All that was said, the answer included: the `before` of the row that goes on. */
  whole: string;
}

export function placeInConversation({ messages, completion = '' }: LogRow): ConversationPlace {
  const turns = messages.map(({ role, content }) => [role, content.trim()]);
  const first = turns.findIndex(([role]) => role === 'user');
  const last = turns.findLastIndex(([role]) => role === 'user');
  return {
    beginning: JSON.stringify(turns.slice(0, first + 1)),
    before: turns.some(([role]) => role === 'assistant') ? JSON.stringify(turns.slice(0, last)) : '',
    whole: JSON.stringify([...turns, ['assistant', completion.trim()]]),
  };
}
