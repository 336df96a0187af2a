import config from './jest.config.js';

/** Tests that take minutes; the rule of each is tested in a quick form by `npm test` as well. */
export default { ...config, testMatch: ['**/*.long.test.ts'], testPathIgnorePatterns: ['/node_modules/'] };
