/**
 * What an installation of each package takes: packages, files, megabytes, and the download of our own packages. It packs
 * them as they are published. `@tuneloop/app` is installed in an empty folder, without a network; the dependencies of
 * `tuneloop` are not installed again but measured where they lie in this checkout, on this platform.
 *
 *     npm run bench:size -- [--json]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../scripts/compile.ts';
import { packAll } from '../scripts/staging.ts';

interface Size {
  files: number;
  bytes: number;
}

interface Installed extends Size {
  name: string;
  packages: number;
  /** Bytes of the tarball of the package itself. */
  packedBytes: number;
  /** The largest packages of the installation with their bytes, the largest first. */
  largest: { name: string; bytes: number }[];
}

const LARGEST = 5;

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-size-'));
try {
  const packed = new Map((await packAll(folder)).map(({ name, tarball }) => [name, tarball]));
  const sizes = [
    installed('@tuneloop/app', packed, packagesOf(installApplication(packed))),
    installed('tuneloop', packed, [...unpack(packed), ...dependenciesOfCheckout(packed)]),
  ];
  if (values.json) console.log(JSON.stringify(sizes));
  else print(sizes);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Installs the package for applications by npm. @returns the folder node_modules */
function installApplication(packed: ReadonlyMap<string, string>): string {
  const cwd = path.join(folder, 'application');
  mkdirSync(cwd);
  writeFileSync(path.join(cwd, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--offline', '--no-audit', '--no-fund', packed.get('@tuneloop/app') ?? ''];
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  return path.join(cwd, 'node_modules');
}

/** Unpacks all our packages: `tuneloop` depends on the other two. @returns their folders by name */
function unpack(packed: ReadonlyMap<string, string>): [string, string][] {
  return [...packed].map(([name, tarball]) => {
    const target = path.join(folder, 'unpacked', name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
    return [name, target];
  });
}

/** The packages in a folder node_modules, by name. */
function packagesOf(modules: string): [string, string][] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(path.join(modules, name)).map((own) => `${name}/${own}`) : name,
    )
    .map((name) => [name, path.join(modules, name)]);
}

/** The folders of what `tuneloop` needs at run time, by name, without our own packages. */
function dependenciesOfCheckout(packed: ReadonlyMap<string, string>): [string, string][] {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: ROOT, encoding: 'utf8' });
  return listed
    .trim()
    .split('\n')
    .filter((file) => file.includes(`${path.sep}node_modules${path.sep}`))
    .map((file): [string, string] => [file.slice(file.lastIndexOf('node_modules') + 'node_modules/'.length), file])
    .filter(([name]) => !packed.has(name));
}

function installed(
  name: string,
  packed: ReadonlyMap<string, string>,
  packages: readonly (readonly [string, string])[],
): Installed {
  const sizes = packages.map(([each, root]) => ({ name: each, ...sizeOf(root) }));
  return {
    name,
    packages: sizes.length,
    files: sizes.reduce((sum, { files }) => sum + files, 0),
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    packedBytes: statSync(packed.get(name) ?? '').size,
    largest: sizes
      .toSorted((a, b) => b.bytes - a.bytes)
      .slice(0, LARGEST)
      .map(({ name: each, bytes }) => ({ name: each, bytes })),
  };
}

/** The size of a package without the packages that lie in it, which are listed by themselves. */
function sizeOf(root: string): Size {
  const size = { files: 0, bytes: 0 };
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue;
    const file = path.join(root, entry.name);
    const { files, bytes } = entry.isDirectory() ? sizeOf(file) : { files: 1, bytes: statSync(file).size };
    size.files += files;
    size.bytes += bytes;
  }
  return size;
}

function print(sizes: readonly Installed[]): void {
  const columns = ['packages', 'files', 'MB', 'packed KB'];
  console.log(['package'.padEnd(16), ...columns.map((name) => name.padStart(9))].join('  '));
  for (const { name, packages, files, bytes, packedBytes } of sizes) {
    const cells = [packages, files, megabytes(bytes), (packedBytes / 1e3).toFixed(0)];
    console.log([name.padEnd(16), ...cells.map((cell) => `${cell}`.padStart(9))].join('  '));
  }
  for (const { name, largest } of sizes) {
    if (largest.length > 1) {
      console.log(
        `largest in ${name}: ${largest.map((each) => `${each.name} ${megabytes(each.bytes)} MB`).join(', ')}`,
      );
    }
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}
