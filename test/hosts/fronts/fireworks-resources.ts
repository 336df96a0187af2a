import { type Call, HostError, type Operation, type Route } from '../front.ts';

/** The account that the key belongs to. */
export const ACCOUNT = 'acme';
/** In front of the names of all accounts. */
export const API = '/v1/accounts';

export function modelName(id: string, account = ACCOUNT): string {
  return `accounts/${account}/models/${id}`;
}

export function resourceName(kind: string, id: string): string {
  return `accounts/${ACCOUNT}/${kind}/${id}`;
}

/** The id in a name such as `accounts/acme/datasets/mine`. @throws HostError 400 for a name of another form */
export function idIn(kind: string, name: unknown): string {
  const id = typeof name === 'string' && name.startsWith(resourceName(kind, '')) ? name.split('/')[3] : undefined;
  if (!id) throw new HostError(400, `${JSON.stringify(name)} is no name of ${kind}`);
  return id;
}

/** An id that the caller chooses. @throws HostError 400 for one of another form */
export function chosenId(id: unknown): string {
  if (typeof id !== 'string' || !/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(id)) {
    throw new HostError(400, `${JSON.stringify(id)} is no id: lower-case letters, digits and hyphens, at most 63`);
  }
  return id;
}

/** Takes down the fields of a request that the host does not know, and so passes over. */
export function unknownFields(body: Call['body'], known: readonly string[]): string[] {
  return Object.keys(body).flatMap((field) => (known.includes(field) ? [] : [`${field} is passed over`]));
}

/** A route below the account of the key. */
export function route(method: Route['method'], path: string, operation: Operation, handle: Route['handle']): Route {
  return { method, path: `${API}/${ACCOUNT}${path}`, operation, handle };
}

/** A time as JSON has it. @param seconds of 1970 */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** A page of a list, with at most 200 entries. The token is the number of entries before it. */
export function page(kind: string, entries: readonly object[], query: Call['query']): object {
  const size = Math.min(200, Math.max(1, Number(query.get('pageSize') ?? 50)));
  const from = Number(query.get('pageToken') ?? 0);
  const to = from + size;
  return {
    [kind]: entries.slice(from, to),
    nextPageToken: to < entries.length ? `${to}` : '',
    totalSize: entries.length,
  };
}
