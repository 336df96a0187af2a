/**
 * Prints what publint and "Are the types wrong?" find in a tarball, as one JSON list of texts. It runs in a process of its own,
 * because both are ES modules with a compiler each.
 */
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** Our packages are ES modules with an export map: CommonJS before Node 22 and the resolution of Node 10 know neither. */
const RESOLUTIONS = ['node16-esm', 'bundler'];

const [file = ''] = process.argv.slice(2);
const bytes = readFileSync(file);
const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

const { messages, pkg } = await publint({ pack: { tarball }, level: 'warning' });
const found = messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`);

const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
if (analysis.types === false) {
  found.push('types: the package has none');
} else {
  for (const problem of analysis.problems) {
    const where = 'resolutionKind' in problem ? problem.resolutionKind : undefined;
    if (where === undefined || RESOLUTIONS.includes(where)) found.push(`types: ${JSON.stringify(problem)}`);
  }
}
console.log(JSON.stringify(found));
