import path from 'node:path';
import type { EngineStatus } from '../../../src/local/engine/status.ts';
import { cli, lastJson, temporaryHome } from '../../setup/cli.ts';

// 3 GB are downloaded and 5 GB written, which takes longer than the other tests together on a slow network.
const asked = process.env.TUNELOOP_TEST_ENGINE_INSTALL === '1';
if (!asked) console.warn('skipped: set TUNELOOP_TEST_ENGINE_INSTALL=1 to install the engine for real, 5 GB');

(asked ? test : test.skip)(
  'the engine of the lock file installs, loads, and makes its base model ready',
  async () => {
    const { home, remove } = temporaryHome();
    try {
      const env = { TUNELOOP_ENGINE_DIR: path.join(home, 'engine') };
      const installed = await cli(home, ['engine', 'install', '--cpu', '--yes', '--json'], env);
      expect(installed.code).toBe(0);
      expect(installed.stderr).toContain('Apache License');
      const status = lastJson<EngineStatus>(await cli(home, ['engine', 'status', '--json'], env));
      expect(status.state).toBe('ready');
      expect(status.models).toMatchObject([{ name: 'smollm2-135m', licence: 'Apache-2.0', context_length: 8192 }]);
    } finally {
      remove();
    }
  },
  1_200_000,
);
