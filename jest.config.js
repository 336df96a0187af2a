import { availableParallelism } from 'node:os';

/** Tests that spend money at a host: run where a variable such as TUNELOOP_LIVE_FIREWORKS asks for them. */
const live = Object.keys(process.env).some((name) => name.startsWith('TUNELOOP_LIVE_'));

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '\\.long\\.test\\.ts$', ...(live ? [] : ['\\.live\\.test\\.ts$'])],
  // More than there are processors, because tests with processes of their own wait most of the time.
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  testSequencer: '<rootDir>/test/setup/slow-first-sequencer.js',
  // TypeScript is compiled to CommonJS for Jest; packages that ship ES modules only are compiled too.
  transform: {
    '^.+\\.(ts|js|mjs)$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(p-map|commander|gpt-tokenizer|hyparquet|hyparquet-writer)/)'],
  // Temporal's native core keeps threads alive after its connections are closed.
  forceExit: true,
  // Jest looks up each global in an object of its own, which makes numeric code up to fifteen times as slow. These globals are
  // handed to each module instead. What tests replace (Date, timers) and what packages declare anew (Buffer) cannot be here.
  sandboxInjectedGlobals: [
    ...['Math', 'Number', 'Object', 'Array', 'Map', 'Set', 'String', 'JSON', 'Symbol', 'RegExp', 'Error', 'Promise'],
    ...['BigInt', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'Int32Array', 'Float64Array', 'Atomics', 'parseInt'],
  ],
  globalSetup: '<rootDir>/test/setup/global-setup.ts',
  globalTeardown: '<rootDir>/test/setup/global-teardown.ts',
  // Several times what the slowest hook takes, because test files with processes of their own slow each other down.
  testTimeout: 120_000,
  // The last line of the output is a count that scripts can read.
  reporters: ['default', '<rootDir>/test/setup/times-reporter.js', '<rootDir>/test/setup/count-reporter.js'],
};
