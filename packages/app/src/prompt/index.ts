/** The imports of an application that removes the instructions of a prompt as the training data did. */
export type { Message } from './chat-message.ts';
export { type PromptTemplate, stripInstructions, type Treatment } from './prompt-template.ts';
