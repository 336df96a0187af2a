/** An answer of a model to one request. */
export interface Completion {
  /** Without the thoughts of a thinking model. */
  text: string;
  /** Whether the answer ends because it grew too long. */
  cut: boolean;
  /** Whether it grew too long while the model was still thinking: then there is no answer, and the text is empty. */
  cutInThoughts?: true;
  promptTokens: number;
  completionTokens: number;
  /** From sending the request to having read the answer, in milliseconds. */
  latencyMs: number;
  /** Time that the server says it worked, in milliseconds; the latency where it does not say. */
  serverMs: number;
}
