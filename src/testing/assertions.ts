import assert from 'node:assert/strict';
import { ProviderError } from '../providers/provider-error.ts';

/**
 * Fails unless two values have the same JSON, whatever the order of their keys. `assert.deepEqual` compares prototypes too,
 * which differ between the realms of a test runner and of Node for the same data.
 */
export function assertSame(actual: unknown, expected: unknown): void {
  assert.equal(jsonOf(actual), jsonOf(expected));
}

/** Fails unless an object has these properties with the same JSON; it may have others. */
export function assertHas(actual: object, expected: Readonly<Record<string, unknown>>): void {
  const found = Object.keys(expected).map((key) => [key, Reflect.get(actual, key)]);
  assertSame(Object.fromEntries(found), expected);
}

/** The error of some work. Fails if the work succeeds, or throws what is no error. */
export async function errorOf(work: Promise<unknown>): Promise<Error> {
  const failure = await work.then(
    () => assert.fail('it succeeded, but should have failed'),
    (error: unknown) => error,
  );
  return isError(failure) ? failure : assert.fail(`${failure} is no error`);
}

/** The {@link ProviderError} of some work. Fails if the work does not fail with one. */
export async function providerErrorOf(work: Promise<unknown>): Promise<ProviderError> {
  const failure = await errorOf(work);
  assert.ok(failure instanceof ProviderError, `${failure.name} is no ProviderError: ${failure.message}`);
  return failure;
}

/** Fails unless some work fails with an error of this code. */
export async function assertFails(work: Promise<unknown>, code: string): Promise<void> {
  assertHas(await errorOf(work), { code });
}

/** By its properties, because an error of another realm is no instance of this one's class. */
function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && 'name' in value;
}

function jsonOf(value: unknown): string | undefined {
  return JSON.stringify(
    value,
    (_key, each: unknown) =>
      typeof each === 'object' && each !== null && !Array.isArray(each)
        ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
        : each,
    2,
  );
}
