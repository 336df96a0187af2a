import { type ApiError, invalid } from '@tuneloop/app/internal/shared/api-error';
import type { z } from 'zod';

/**
 * Checks the body of a request; none counts as an empty one.
 *
 * @throws ApiError 400 that names the parameter
 */
export function parseBody<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value ?? {});
  if (!parsed.success) throw refusal(parsed.error, value);
  return parsed.data;
}

function refusal(error: z.ZodError, value: unknown): ApiError {
  const issue = error.issues[0];
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === 'unrecognized_keys') {
    const name = [...path, issue.keys[0] ?? ''].join('.');
    return invalid(name, `Unrecognized request argument supplied: ${name}`, 'unknown_parameter');
  }
  const param = path.join('.');
  if (isMissing(value, path)) {
    return invalid(param, `Missing required parameter: '${param}'.`, 'missing_required_parameter');
  }
  return invalid(param, `Invalid value for '${param}': ${issue?.message ?? 'not allowed'}.`, 'invalid_value');
}

function isMissing(value: unknown, path: readonly string[]): boolean {
  let at: unknown = value ?? {};
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return false;
    at = Reflect.get(at, name);
  }
  return path.length > 0 && at === undefined;
}
