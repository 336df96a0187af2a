/**
 * Packs all packages as npm gets them: `npm run build:packages -- [--out folder] [--json]`. The tarballs go to `packed/`, or to the
 * folder that is given. Publish one with `npm publish <tarball>`.
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './compile.ts';
import { packAll } from './staging.ts';

const { values } = parseArgs({
  options: { out: { type: 'string', default: path.join(ROOT, 'packed') }, json: { type: 'boolean', default: false } },
});
const packed = await packAll(values.out);
if (values.json) {
  console.log(JSON.stringify(packed));
} else {
  for (const { tarball } of packed) console.log(`${tarball}  ${(statSync(tarball).size / 1000).toFixed(0)} KB`);
}
