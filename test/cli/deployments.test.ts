import { cli } from '../setup/cli.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const home = temporaryFolder();

test.each([
  ['a share of nothing', ['canary', 'shop', '0', '--why', 'x'], 'more than 0 and at most 1'],
  ['a share over everything', ['canary', 'shop', '1.5', '--why', 'x'], 'more than 0 and at most 1'],
  ['a share that is no number', ['canary', 'shop', 'half', '--why', 'x'], 'more than 0 and at most 1'],
  ['a decision without a reason', ['approve', 'shop'], "required option '--why <text>'"],
  ['a decision with an empty reason', ['rollback', 'shop', '--why', ' '], '1 to 1000 characters'],
  ['a reason that no alias should carry', ['reject', 'shop', '--why', 'x'.repeat(1001)], '1 to 1000 characters'],
])('%s is refused before a server is asked', async (_what, args, words) => {
  const refused = await cli(home, args);
  expect(refused.stderr).toContain(words);
  expect(refused.code).toBe(2);
});
