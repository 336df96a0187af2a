/** What an application imports to cut the instructions off a prompt as the training data did. */
export type { Message } from './chat-message.ts';
export { type PromptTemplate, stripInstructions, type Treatment } from './prompt-template.ts';
