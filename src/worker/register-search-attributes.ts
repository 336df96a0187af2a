import type { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.ts';

/** Numbers of Temporal's IndexedValueType, for the types in use (temporal/api/enums/v1/common.proto). */
const INDEXED_VALUE_TYPES = { KEYWORD: 2, DOUBLE: 4 } as const;

/**
 * Registers the search attributes of runs with the server. Does nothing where they are known; on servers where a client may not do this
 * (Temporal Cloud), an administrator has to, and the error says so.
 */
export async function registerSearchAttributes(client: Client): Promise<void> {
  const { operatorService } = client.connection;
  const namespace = client.options.namespace;
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = SEARCH_ATTRIBUTES.filter(({ name }) => !(name in customAttributes));
  if (missing.length === 0) return;
  await operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, INDEXED_VALUE_TYPES[type]])),
  });
}
