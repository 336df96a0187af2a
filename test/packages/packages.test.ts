import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ROOT } from '../setup/cli.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';
import {
  emptyProject,
  evaluate,
  examplesOf,
  linkPackage,
  packagesIn,
  projectWith,
  type Resolution,
  run,
  typeErrors,
} from './installed.ts';

const NAMES = ['@tuneloop/app', '@tuneloop/local-trainer', 'tuneloop'] as const;
const SOURCES = ['.', 'packages/app', 'packages/local-trainer'];
const RESOLUTIONS: Resolution[] = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
];

const packedSchema = z.array(z.object({ name: z.string(), tarball: z.string() }));
const manifestSchema = z.object({
  version: z.string(),
  exports: z.record(z.string(), z.union([z.string(), z.object({ types: z.string(), default: z.string() })])),
});

jest.setTimeout(180_000);
const folder = temporaryFolder();
const tarballs = new Map<string, string>();
/** The application alone, installed by npm. */
let application: string;
/** All packages. */
let project: string;
let changed: string[];

beforeAll(async () => {
  const before = workingTree();
  const out = path.join(folder, 'packed');
  mkdirSync(out);
  const { code, stdout, stderr } = await run(process.execPath, ['scripts/pack.ts', '--out', out, '--json'], ROOT);
  if (code !== 0) throw new Error(`${stdout}${stderr}`);
  const after = workingTree();
  changed = [...new Set([...before.keys(), ...after.keys()])].filter((file) => before.get(file) !== after.get(file));
  for (const { name, tarball } of packedSchema.parse(JSON.parse(stdout))) tarballs.set(name, tarball);

  application = emptyProject(folder);
  const install = ['install', '--offline', '--no-audit', '--no-fund', tarballs.get('@tuneloop/app') ?? ''];
  const installed = await run('npm', install, application, { npm_config_cache: path.join(folder, 'npm-cache') });
  if (installed.code !== 0) throw new Error(installed.stderr);
  project = await projectWith(folder, tarballs);
});

/** What packing could change: the times of the manifests, the sources and what was built, by file. */
function workingTree(): Map<string, number> {
  const files = SOURCES.flatMap((source) => [
    path.join(source, 'package.json'),
    ...['src', 'dist'].flatMap((name) =>
      (readdirSync(path.join(ROOT, source), { withFileTypes: true }).some((entry) => entry.name === name)
        ? readdirSync(path.join(ROOT, source, name), { recursive: true, encoding: 'utf8' })
        : []
      ).map((file) => path.join(source, name, file)),
    ),
  ]);
  return new Map(files.map((file) => [file, statSync(path.join(ROOT, file)).mtimeMs]));
}

const manifestOf = (name: string) =>
  manifestSchema.parse(JSON.parse(readFileSync(path.join(project, 'node_modules', name, 'package.json'), 'utf8')));

describe('packing', () => {
  test('packing changes neither manifests nor sources nor builds of the working tree', () => {
    expect(changed).toEqual([]);
  });

  test.each(NAMES)('%s offers compiled files with types only, and all of them are in the tarball', (name) => {
    const entries = Object.entries(manifestOf(name).exports).filter(([entry]) => entry !== './package.json');
    const inside = readdirSync(path.join(project, 'node_modules', name), { recursive: true, encoding: 'utf8' }).filter(
      (file) => !file.startsWith('node_modules'),
    );
    for (const [entry, target] of entries) {
      if (typeof target === 'string') throw new Error(`${entry} has no types`);
      expect([target.types, target.default]).toEqual([
        expect.stringMatching(/^\.\/dist\/.+\.d\.ts$/),
        expect.stringMatching(/^\.\/dist\/.+\.js$/),
      ]);
      if (!entry.includes('*')) for (const file of Object.values(target)) expect(inside).toContain(file.slice(2));
    }
    expect(inside.filter((file) => /(?<!\.d)\.ts$|tsconfig|\.map$/.test(file))).toEqual([]);
  });

  test.each(NAMES)('%s comes with its page for npm and the license', (name) => {
    const root = path.join(project, 'node_modules', name);
    expect(readFileSync(path.join(root, 'README.md'), 'utf8')).toMatch(new RegExp(`^# ${name}\n`));
    expect(readFileSync(path.join(root, 'LICENSE'), 'utf8')).toMatch(/^MIT License/);
    expect(examplesOf(project, name).size).toBeGreaterThan(0);
  });

  test.each(NAMES)('%s has no fault that publint or "Are the types wrong?" knows', async (name) => {
    const script = path.join(ROOT, 'test', 'packages', 'check-tarball.ts');
    const { stdout, stderr } = await run(process.execPath, [script, tarballs.get(name) ?? ''], ROOT);
    expect(stdout === '' ? stderr : JSON.parse(stdout)).toEqual([]);
  });

  test.each(SOURCES)('npm pack in the folder of sources %s is refused, with the command that packs', async (source) => {
    const { code, stderr } = await run('npm', ['pack', '--dry-run'], path.join(ROOT, source));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/is not packed from its sources.*npm run build:packages/);
  });
});

describe('@tuneloop/app in an empty project', () => {
  test('the installation adds no other package', () => {
    expect(packagesIn(path.join(application, 'node_modules'))).toEqual(['@tuneloop/app']);
  });

  test('every public entry can be imported', async () => {
    const entries = Object.keys(manifestOf('@tuneloop/app').exports)
      .filter((entry) => !/internal|package\.json/.test(entry))
      .map((entry) => entry.replace('.', '@tuneloop/app'));
    const program = `
      const names = {};
      for (const entry of ${JSON.stringify(entries)}) names[entry] = Object.keys(await import(entry));
      console.log(JSON.stringify(names));`;
    expect(await evaluate(application, program)).toEqual({
      '@tuneloop/app/capture': ['capture', 'jsonlSink', 'postgresSink'],
      '@tuneloop/app/predict': ['createPredictor'],
      '@tuneloop/app/prompt': ['stripInstructions'],
      '@tuneloop/app/errors': ['APP_ERROR_CODES', 'TuneloopError'],
    });
  });

  test.each(RESOLUTIONS)('its types hold in an application with module $module', async (how) => {
    linkOnce(application, '@types/node');
    linkOnce(application, 'undici-types');
    expect(await typeErrors(application, new Map([['application.ts', APPLICATION]]), how)).toEqual([]);
    const wrong = APPLICATION.replace("deployment: 'desk'", 'deployment: 5');
    expect(await typeErrors(application, new Map([['application.ts', wrong]]), how)).toEqual([
      expect.stringMatching(/TS2322.*'number' is not assignable to type 'string'/),
    ]);
  });
});

describe('all packages side by side', () => {
  test.each(RESOLUTIONS)('the examples on the pages for npm have no type error with module $module', async (how) => {
    const examples = NAMES.flatMap((name) => [...examplesOf(project, name)]);
    expect(await typeErrors(project, new Map([...examples, ['library.ts', LIBRARY]]), how)).toEqual([]);
  });

  test('tuneloop exports the library and its errors, and tuneloop/testing the suites', async () => {
    const program = `
      const [library, testing] = [await import('tuneloop'), await import('tuneloop/testing')];
      const { code } = new library.TuneloopError('USAGE', 'x');
      console.log(JSON.stringify([Object.keys(library), Object.keys(testing), code in library.ERROR_CODES]));`;
    expect(await evaluate(project, program)).toEqual([
      ['ERROR_CODES', 'Tuneloop', 'TuneloopError', 'createTuneloop'],
      [
        'ProviderError',
        'connectProvider',
        'describeArtifactStore',
        'describeInference',
        'describeRecordStore',
        'describeServing',
        'describeSource',
        'describeStoredLog',
        'describeTraining',
      ],
      true,
    ]);
  });

  test('the trainer starts, and answers at its address', async () => {
    const program = `
      import { startTrainer } from '@tuneloop/local-trainer';
      const trainer = await startTrainer({ dir: 'trainer-data' });
      const { data } = await (await fetch(trainer.baseURL + '/models', { headers: { authorization: 'Bearer any' } })).json();
      await trainer.close();
      console.log(JSON.stringify(data.map(({ id }) => id)));`;
    expect(await evaluate(project, program)).toContain('local-base');
  });

  test('the command line has its example', async () => {
    const bin = path.join(project, 'node_modules', 'tuneloop', 'bin', 'tuneloop.js');
    const example = path.join('node_modules', 'tuneloop', 'examples', 'support-triage', 'pipeline.yaml');
    const { code, stdout } = await run(process.execPath, [bin, 'inspect', example, '--json'], project);
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toHaveProperty('versions');
  });

  test('a worker says that no server answers', async () => {
    const bin = path.join(project, 'node_modules', 'tuneloop', 'bin', 'tuneloop-worker.js');
    const env = { TEMPORAL_ADDRESS: '127.0.0.1:1', TUNELOOP_HOME: path.join(folder, 'home') };
    const { code, stderr } = await run(process.execPath, [bin], project, env);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(/^TEMPORAL_UNREACHABLE: /m) });
  });
});

function linkOnce(target: string, name: string): void {
  if (!packagesIn(path.join(target, 'node_modules')).includes(name)) linkPackage(target, name);
}

const APPLICATION = `
import { type CapturedCall, capture, jsonlSink } from '@tuneloop/app/capture';
import { APP_ERROR_CODES, TuneloopError } from '@tuneloop/app/errors';
import { type ChatClient, createPredictor, type Prediction } from '@tuneloop/app/predict';
import { type Message, stripInstructions } from '@tuneloop/app/prompt';

declare const client: ChatClient;
const sink = jsonlSink('log.jsonl');
const predictor = createPredictor({ deployment: 'desk', home: '.tuneloop', client, sink });
export const answer: Promise<Prediction> = predictor.predict('Where is my parcel?');
export const messages: Message[] = [{ role: 'user', content: 'Where is my parcel?' }];
export type Known = keyof typeof APP_ERROR_CODES;
export type { CapturedCall };
export { capture, stripInstructions, TuneloopError };
`;

const LIBRARY = `
import { createTuneloop, ERROR_CODES, type ErrorCode, type RunResult, TuneloopError } from 'tuneloop';
import { describeTraining, type Training, type TrainingSubject } from 'tuneloop/testing';

export const text = (code: ErrorCode): string => ERROR_CODES[code];
export const winner = async (id: string): Promise<string | null> => (await createTuneloop().runs.predict(id, 'x')).text;
export const subject = (training: Training): TrainingSubject => ({ training, baseModel: 'm', close: async () => {} });
export type { RunResult };
export { describeTraining, TuneloopError };
`;
