/** The body of every error answer, as OpenAI writes it. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

/** An answer other than success: thrown in a route, written by the server's error handler. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  constructor(status: number, message: string, details: { param?: string | null; code?: string | null } = {}) {
    super(message);
    this.status = status;
    this.param = details.param ?? null;
    this.code = details.code ?? null;
  }

  get body(): ErrorBody {
    return errorBody(this.status, this.message, this.param, this.code);
  }
}

/** `type` follows from the status: `server_error` from 500 up, else `invalid_request_error`. */
export function errorBody(status: number, message: string, param: string | null, code: string | null): ErrorBody {
  return { error: { message, type: status >= 500 ? 'server_error' : 'invalid_request_error', param, code } };
}

/** 400 that names the parameter at fault. */
export function invalid(param: string, message: string, code: string | null = null): ApiError {
  return new ApiError(400, message, { param, code });
}
