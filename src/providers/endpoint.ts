import { readApiKey } from '../config/environment.ts';
import type { ProviderProfile } from './profile.ts';

/** A server that needs no key gets this word, because clients insist on one. */
const NO_KEY = 'local';

/** Where a provider's models are asked, and with which key. */
export interface Endpoint {
  baseURL: string;
  apiKey: string;
  /** The headers that carry the key. */
  headers: Record<string, string>;
}

/**
 * Where models are asked: the provider's address for that, where it has one of its own.
 *
 * @throws TuneloopError ENVIRONMENT_INVALID where the provider's key is missing
 */
export function endpointOf(profile: ProviderProfile): Endpoint {
  const apiKey = keyOf(profile);
  return { baseURL: inferenceAddress(profile), apiKey, headers: keyHeaders(profile, apiKey) };
}

/** @throws TuneloopError ENVIRONMENT_INVALID where the provider's key is missing */
export function keyOf({ keyVariable }: Pick<ProviderProfile, 'keyVariable'>): string {
  return keyVariable === null ? NO_KEY : readApiKey(keyVariable);
}

export function inferenceAddress({ address, addresses }: Pick<ProviderProfile, 'address' | 'addresses'>): string {
  return addresses.inference ?? address;
}

export function keyHeaders({ keyHeader }: Pick<ProviderProfile, 'keyHeader'>, apiKey: string): Record<string, string> {
  return { [keyHeader]: keyHeader === 'authorization' ? `Bearer ${apiKey}` : apiKey };
}
