import { invalid } from '@tuneloop/app/internal/shared/api-error';

/** A page of a list, in OpenAI's form. */
export interface Page<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

/** The query parameters that choose a page. */
export interface PageQuery {
  readonly after?: unknown;
  readonly limit?: unknown;
}

/**
 * The `limit` entries that follow the one with the id `after`.
 *
 * @throws ApiError 400 for a limit out of range or an `after` that is not in the list
 */
export function pageOf<T extends { readonly id: string }>(
  entries: readonly T[],
  query: PageQuery,
  limits: { readonly usual: number; readonly most: number },
): Page<T> {
  const limit = query.limit === undefined ? limits.usual : Number(query.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.most) {
    throw invalid('limit', `Invalid 'limit': expected an integer from 1 to ${limits.most}, but got '${query.limit}'.`);
  }
  let from = 0;
  if (query.after !== undefined && query.after !== '') {
    from = entries.findIndex((entry) => entry.id === query.after) + 1;
    if (from === 0) throw invalid('after', `Invalid 'after': no entry of this list has the id '${query.after}'.`);
  }
  const data = entries.slice(from, from + limit);
  return {
    object: 'list',
    data,
    has_more: from + data.length < entries.length,
    first_id: data[0]?.id ?? null,
    last_id: data[data.length - 1]?.id ?? null,
  };
}
