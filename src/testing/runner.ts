import { TuneloopError } from '../errors.ts';

type Hook = (run: () => Promise<void> | void) => unknown;

/**
 * What a suite needs of a test runner. Jest and Vitest have it as globals or exports; of `node:test` give
 * `{ describe, test, beforeAll: before, afterAll: after, beforeEach, afterEach }`. Suites assert with `node:assert`, so no
 * `expect` is needed. A test may take up to a minute, so set the time limit of the runner accordingly.
 */
export interface TestRunner {
  describe(name: string, declare: () => void): unknown;
  test(name: string, run: () => Promise<void>): unknown;
  beforeAll: Hook;
  afterAll: Hook;
  beforeEach: Hook;
  afterEach: Hook;
}

const FUNCTIONS = ['describe', 'test', 'beforeAll', 'afterAll', 'beforeEach', 'afterEach'];

function isTestRunner(value: object): value is TestRunner {
  return FUNCTIONS.every((name) => typeof Reflect.get(value, name) === 'function');
}

/**
 * The globals of Jest, or of Vitest with `globals: true`.
 *
 * @throws TuneloopError USAGE where the runner has no such globals
 */
export function globalRunner(): TestRunner {
  const globals: object = globalThis;
  if (isTestRunner(globals)) return globals;
  throw new TuneloopError(
    'USAGE',
    `this test runner has no globals ${FUNCTIONS.join(', ')}: give them to the suite as its last argument`,
  );
}
