import { ApplicationFailure, CancelledFailure, defaultPayloadConverter, TimeoutFailure } from '@temporalio/common';
import { toFailure } from '../../../src/activities/support/failure.ts';
import { ERROR_CODES, type ErrorCode, TuneloopError } from '../../../src/errors.ts';
import { ProviderError } from '../../../src/providers/provider-error.ts';
import { failureConverter } from '../../../src/worker/failure-converter.ts';

/** The form of a failure in a history. */
const inHistory = (failure: unknown) => failureConverter.errorToFailure(failure, defaultPayloadConverter);

test('a retryable error of a provider is retried after the time it asks for', () => {
  const error = new ProviderError('PROVIDER_UNAVAILABLE', 'slow down', { retryable: true, retryAfterMs: 1500 });
  expect(toFailure(error)).toMatchObject({
    message: 'slow down',
    type: 'PROVIDER_UNAVAILABLE',
    nonRetryable: false,
    nextRetryDelay: 1500,
  });
  const { nextRetryDelay } = inHistory(toFailure(error)).applicationFailureInfo ?? {};
  expect(nextRetryDelay).toMatchObject({ nanos: 500_000_000 });
  expect(Number(nextRetryDelay?.seconds)).toBe(1);
});

test('a retryable error without a time is retried when the policy says', () => {
  const failure = toFailure(new ProviderError('PROVIDER_UNREACHABLE', 'gone', { retryable: true }));
  expect(failure).toMatchObject({ type: 'PROVIDER_UNREACHABLE', nonRetryable: false, nextRetryDelay: undefined });
});

test('a time of 0 counts as a time, not as a missing one', () => {
  const error = new ProviderError('PROVIDER_UNAVAILABLE', 'now', { retryable: true, retryAfterMs: 0 });
  expect(toFailure(error)).toMatchObject({ nextRetryDelay: 0 });
});

test('a refusal of a provider is not retried', () => {
  expect(toFailure(new ProviderError('PROVIDER_REFUSED', 'no', { retryable: false }))).toMatchObject({
    message: 'no',
    type: 'PROVIDER_REFUSED',
    nonRetryable: true,
  });
});

/** Errors that another attempt may not meet: another process was faster, or a server was away. */
const MAY_PASS = ['DATASET_CHANGED', 'SOURCE_UNREACHABLE', 'ANALYZER_UNREACHABLE'];

test.each(Object.keys(ERROR_CODES) as ErrorCode[])(
  'our own error %s keeps its code, and is retried only where it may pass',
  (code) => {
    expect(toFailure(new TuneloopError(code, 'what to do'))).toMatchObject({
      message: 'what to do',
      type: code,
      nonRetryable: !MAY_PASS.includes(code),
    });
  },
);

test('an unforeseen error is retried, under a code of its own', () => {
  expect(toFailure(new TypeError('x is not a function'))).toMatchObject({
    message: 'TypeError: x is not a function',
    type: 'INTERNAL',
    nonRetryable: false,
  });
  expect(toFailure('a string')).toMatchObject({ message: 'a string', type: 'INTERNAL' });
  expect(toFailure(undefined)).toBeInstanceOf(ApplicationFailure);
});

test.each(['ENOSPC', 'EDQUOT'])('F38 %s is named and left to a person: nothing is retried on a full disk', (code) => {
  const failure = toFailure(Object.assign(new Error(`${code}: no space left on device, write`), { code }));
  expect(failure).toMatchObject({ type: 'DISK_FULL', nonRetryable: true });
  expect(failure.message).toMatch(new RegExp(`free some space in TUNELOOP_HOME .*${code}`));
});

test('no error carries a credential', () => {
  const text = 'answered with Authorization: Bearer canary-7f3a9c';
  const errors = [
    new ProviderError('PROVIDER_REFUSED', text, { retryable: false }),
    new TuneloopError('USAGE', text),
    new Error(text),
    text,
  ];
  for (const error of errors) expect(toFailure(error).message).not.toContain('canary');
});

test('an aborted activity is cancelled, and not failed', () => {
  const abort = Object.assign(new Error('This operation was aborted'), { name: 'AbortError' });
  expect(toFailure(abort)).toBeInstanceOf(CancelledFailure);
});

test("Temporal's own failures stay as they are", () => {
  for (const failure of [
    ApplicationFailure.create({ type: 'JOB_PENDING' }),
    new CancelledFailure('x'),
    new TimeoutFailure('x', undefined, 'HEARTBEAT'),
  ]) {
    expect(toFailure(failure)).toBe(failure);
  }
});

describe('what reaches a history', () => {
  /** The name of this function stands in the stack of its error. */
  function secretFrame(make: () => Error): Error {
    return make();
  }
  const cause = new Error('row-canary: a customer wrote this');
  const errors: [string, Error][] = [
    ['an unforeseen error', secretFrame(() => new Error('outer', { cause }))],
    [
      'a provider error',
      Object.assign(
        secretFrame(() => new ProviderError('PROVIDER_UNAVAILABLE', 'outer', { retryable: true })),
        { cause },
      ),
    ],
    [
      'an error of ours',
      Object.assign(
        secretFrame(() => new TuneloopError('USAGE', 'outer')),
        { cause },
      ),
    ],
  ];
  for (const [, error] of errors) Object.assign(error, { request: 'request-canary', headers: 'header-canary' });

  test.each(errors)('%s leaves its cause, stack and further fields behind', (_, error) => {
    const failure = toFailure(error);
    expect(failure.cause).toBeUndefined();
    const history = JSON.stringify(inHistory(failure));
    expect(history).toContain('outer');
    expect(history).not.toMatch(/canary/);
    expect(history).not.toContain('secretFrame');
  });

  test.each([
    ['an unforeseen error', new Error('x'.repeat(100_000))],
    ['an error of ours', new TuneloopError('USAGE', 'x'.repeat(100_000))],
  ])('the message of %s is at most 2000 characters', (_, error) => {
    expect(toFailure(error).message).toHaveLength(2000);
    expect(JSON.stringify(inHistory(toFailure(error))).length).toBeLessThan(10_000);
  });
});
