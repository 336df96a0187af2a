/**
 * The codes of the errors that an application can meet when it calls a deployment or records its calls, and the codes of servers on this
 * machine.
 */
export const APP_ERROR_CODES = {
  LOCKED: 'another process uses this folder',
  PORT_TAKEN: 'a port is in use by another program',
  STORED_FORMAT: 'a stored object is of a format or a form that this version does not read',
  ALIAS_UNREADABLE: 'the alias of a deployment cannot be read',
  PACKAGE_MISSING: 'a package that an option needs is not installed',
  ENGINE_UNUSABLE: 'the engine of LLMs is not installed, is damaged, or cannot be installed',
  TOKEN_NEEDED: 'a server that other machines reach has no token, or one that cannot be used',
  PREDICTION_FAILED: 'neither a model of the deployment nor the original prompt could answer',
} as const;

export type AppErrorCode = keyof typeof APP_ERROR_CODES;

/** The one error class: `code` is for programs, `message` is for people. */
export class TuneloopError<Code extends string = AppErrorCode> extends Error {
  override readonly name = 'TuneloopError';
  readonly code: Code;

  constructor(code: NoInfer<Code>, message: string) {
    super(message);
    this.code = code;
  }
}
