import { readApiKey } from '../config/environment.ts';
import type { ProviderProfile } from './profile.ts';

/** A server that needs no key gets this word, because clients insist on one. */
const NO_KEY = 'local';

/** The address of a provider, and its key. */
export interface Endpoint {
  baseURL: string;
  apiKey: string;
}

/** @throws TuneloopError ENVIRONMENT_INVALID where the provider's key is missing */
export function endpointOf({ address, keyVariable }: ProviderProfile): Endpoint {
  return { baseURL: address, apiKey: keyVariable === null ? NO_KEY : readApiKey(keyVariable) };
}
