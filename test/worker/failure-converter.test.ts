import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  defaultPayloadConverter,
  type ProtoFailure,
  RetryState,
  TimeoutFailure,
} from '@temporalio/common';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { DATA_CONVERTER } from '../../src/worker/connection.ts';
import { failureConverter } from '../../src/worker/failure-converter.ts';
import { ROOT } from '../setup/cli.ts';
import { sharedWorkflowBundle } from '../setup/workflow-bundle.ts';

const SECRET = 'Authorization: Bearer canary-7f3a9c';

const converted = (error: unknown): ProtoFailure => failureConverter.errorToFailure(error, defaultPayloadConverter);

const failures: [string, Error][] = [
  ['an error', new Error(SECRET)],
  ['a failed activity', ApplicationFailure.create({ message: SECRET, type: 'INTERNAL' })],
  ['a cancelled one', new CancelledFailure(SECRET)],
  ['a timeout', new TimeoutFailure(SECRET, undefined, 'HEARTBEAT')],
  [
    'an activity that a workflow passes on',
    new ActivityFailure(SECRET, 'createJob', '1', RetryState.TIMEOUT, 'worker', new Error(SECRET)),
  ],
  [
    'a child that a workflow passes on',
    new ChildWorkflowFailure(undefined, { workflowId: 'w' }, 'job', RetryState.TIMEOUT, new Error(SECRET)),
  ],
];

test.each(failures)(
  '%s has no credential in its message and no stack, and neither has a cause of it',
  (_what, error) => {
    for (const failure of [
      converted(error),
      converted(new Error('outer', { cause: new Error('middle', { cause: error }) })),
    ]) {
      const text = JSON.stringify(failure);
      expect(text).not.toContain('canary');
      expect(text).not.toContain('failure-converter.test');
      for (let each: ProtoFailure | null | undefined = failure; each; each = each.cause)
        expect(each.stackTrace).toBe('');
    }
  },
);

test('a thrown value that is no error has no credential either', () => {
  expect(JSON.stringify([converted(SECRET), converted({ headers: SECRET }), converted(undefined)])).not.toContain(
    'canary',
  );
});

test('messages are bounded, those of causes too', () => {
  const failure = converted(new Error('x'.repeat(10_000), { cause: new Error('y'.repeat(10_000)) }));
  expect(failure.message).toBe('x'.repeat(2000));
  expect(failure.cause?.message).toBe('y'.repeat(2000));
});

test('type, retries and delay of a failure are kept, and a failure that was read is written unchanged', () => {
  const failure = converted(
    ApplicationFailure.create({ message: 'slow down', type: 'PROVIDER_UNAVAILABLE', nextRetryDelay: 1500 }),
  );
  expect(failure.applicationFailureInfo).toMatchObject({ type: 'PROVIDER_UNAVAILABLE', nonRetryable: false });
  expect(Number(failure.applicationFailureInfo?.nextRetryDelay?.seconds)).toBe(1);
  const error = failureConverter.failureToError(failure, defaultPayloadConverter);
  expect(error).toMatchObject({ message: 'slow down', type: 'PROVIDER_UNAVAILABLE' });
  expect(converted(error)).toEqual(failure);
});

test('a failure that an older worker wrote with a credential is passed on without it, and is not changed itself', () => {
  const old: ProtoFailure = { message: SECRET, stackTrace: SECRET, cause: { message: SECRET, stackTrace: SECRET } };
  const error = failureConverter.failureToError(old, defaultPayloadConverter);
  expect(JSON.stringify(converted(error))).not.toContain('canary');
  expect(old.message).toBe(SECRET);
});

test('the SDK finds the converter by its path, in Jest', () => {
  expect(loadDataConverter(DATA_CONVERTER).failureConverter).toBe(failureConverter);
});

test('the SDK finds the converter by its path, in Node on the sources', () => {
  const program = `
    const { loadDataConverter } = await import('@temporalio/common/lib/internal-non-workflow/index.js');
    const { DATA_CONVERTER } = await import(${JSON.stringify(path.join(ROOT, 'src', 'worker', 'connection.ts'))});
    const { failureConverter, payloadConverter } = loadDataConverter(DATA_CONVERTER);
    console.log(JSON.stringify(failureConverter.errorToFailure(new Error(${JSON.stringify(SECRET)}), payloadConverter)));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(JSON.parse(output)).toMatchObject({ message: 'Authorization: ***', stackTrace: '' });
});

test('the bundle of the workflows holds the converter, and nothing of Node with it', () => {
  // Bundling fails where a workflow imports a module of Node.
  expect(readFileSync(sharedWorkflowBundle() ?? '', 'utf8')).toContain('PlainFailureConverter');
});
