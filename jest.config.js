/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // TypeScript is compiled to CommonJS for Jest; packages that ship ES modules only are compiled too.
  transform: {
    '^.+\\.(ts|js|mjs)$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(p-map|commander|gpt-tokenizer)/)'],
  // Temporal's native core keeps threads alive after its connections are closed.
  forceExit: true,
  globalSetup: '<rootDir>/test/setup/global-setup.ts',
  globalTeardown: '<rootDir>/test/setup/global-teardown.ts',
  testTimeout: 60_000,
  // The last line of the output is a count that scripts can read.
  reporters: ['default', '<rootDir>/test/setup/count-reporter.js'],
};
