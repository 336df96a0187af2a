/**
 * The part of `node-llama-cpp` that serving uses. The package is an optional peer, which most installations lack, so that its own
 * types cannot be imported.
 */
export interface LlamaPackage {
  getLlama(options: { gpu: false; build: 'never'; maxThreads?: number; logLevel: 'error' }): Promise<Llama>;
  readonly LlamaGrammarEvaluationState: new (options: { model: LlamaModel; grammar: Grammar }) => GrammarState;
}

export interface Llama {
  /** Shared by all contexts; 0 = as many as the processor has. */
  maxThreads: number;
  loadModel(options: { modelPath: string }): Promise<LlamaModel>;
  createGrammar(options: { grammar: string }): Promise<Grammar>;
  createGrammarForJsonSchema(schema: unknown): Promise<Grammar>;
  getGrammarFor(type: 'json'): Promise<Grammar>;
  dispose(): Promise<void>;
}

declare const grammar: unique symbol;
export interface Grammar {
  readonly [grammar]: true;
}

/** How far an answer has come in its grammar. */
export interface GrammarState {
  readonly [grammar]: true;
}

export type Token = number;

export interface LlamaModel {
  readonly trainContextSize: number;
  tokenize(text: string, specialTokens: boolean): Token[];
  detokenize(tokens: readonly Token[], specialTokens: boolean, lastTokens?: readonly Token[]): string;
  isEogToken(token: Token): boolean;
  createContext(options: {
    /** Of each sequence. */
    contextSize: number;
    sequences: number;
    batchSize?: number;
    lora?: { adapters: { filePath: string }[] };
  }): Promise<LlamaContext>;
  dispose(): Promise<void>;
}

export interface LlamaContext {
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}

interface EvaluateOptions {
  readonly temperature: number;
  readonly topP: number;
  /** 0 = all. */
  readonly topK: number;
  readonly seed: number;
  readonly grammarEvaluationState?: GrammarState;
}

export interface EvaluatedToken {
  readonly token: Token;
  /** From the most probable to the least. */
  readonly probabilities?: ReadonlyMap<Token, number>;
}

export interface LlamaSequence {
  readonly nextTokenIndex: number;
  compareContextTokens(tokens: Token[]): { firstDifferentIndex: number };
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: Token[]): Promise<void>;
  evaluateWithMetadata(
    tokens: Token[],
    metadata: { probabilities?: boolean },
    options: EvaluateOptions,
  ): AsyncGenerator<EvaluatedToken, void, void>;
}
