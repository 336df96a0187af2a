/**
 * Checks who imports whom: no circle of files, where imports of types count too; every import allowed by `rooms.ts`; and the
 * table of ARCHITECTURE.md made from it. `--write` writes that table.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cruise, type IForbiddenRuleType } from 'dependency-cruiser';
import { ROOMS, type Room } from './rooms.ts';

const ROOT = path.join(import.meta.dirname, '..');
const DOCUMENT = path.join(ROOT, 'ARCHITECTURE.md');
const HEADER = '| room | holds | may import |\n|---|---|---|\n';

/** The rooms that a room may not import are named where there are at most this many of them. */
const MOST_NAMED = 4;

const COMMON_RULES: IForbiddenRuleType[] = [
  { name: 'files that import each other in a circle', severity: 'error', from: {}, to: { circular: true } },
  { name: 'an import of what is not there', severity: 'error', from: {}, to: { couldNotResolve: true } },
  {
    name: 'a file of no room: add its folder to scripts/rooms.ts',
    severity: 'error',
    from: {},
    to: { path: '^(src|packages)/', pathNot: ROOMS.map(patternOf) },
  },
];

process.chdir(ROOT);
const problems = [...orderProblems(), ...(await importProblems()), ...tableProblems()];
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}

/** A room that imports one above it could be part of a circle. */
function orderProblems(): string[] {
  return ROOMS.flatMap(({ name, imports, types = [] }, index) =>
    [...imports, ...types]
      .filter((other) => ROOMS.findIndex((room) => room.name === other) <= index)
      .map(
        (other) => `scripts/rooms.ts: ${name} imports ${other}, which is not below it: a room imports rooms below it`,
      ),
  );
}

async function importProblems(): Promise<string[]> {
  const { output } = await cruise(
    ['src', 'packages'],
    {
      ruleSet: { forbidden: [...COMMON_RULES, ...ROOMS.flatMap(rulesOf)] },
      validate: true,
      tsPreCompilationDeps: true,
      // It reads the sources without the API of the TypeScript compiler.
      parser: 'swc',
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '/dist/' },
    },
    { extensions: ['.ts', '.js', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  );
  if (typeof output === 'string') throw new Error(`dependency-cruiser gave a text: ${output}`);
  const { violations, totalCruised } = output.summary;
  if (violations.length === 0) console.log(`Imports: ${totalCruised} files, no circle, and all as the table says`);
  const lines = violations.map(({ rule, from, to, cycle }) =>
    cycle ? `${rule.name}: ${[from, ...cycle.map(({ name }) => name)].join(' -> ')}` : `${rule.name}: ${from} -> ${to}`,
  );
  return lines.length === 0 ? [] : [...lines, 'scripts/rooms.ts says what each room may import, types included'];
}

function rulesOf(room: Room): IForbiddenRuleType[] {
  const { name, imports, types = [], libraries } = room;
  const from = { path: patternOf(room) };
  const inRooms = (names: readonly string[]) => ({
    path: '^(src|packages)/',
    pathNot: [room, ...ROOMS.filter((other) => names.includes(other.name))].map(patternOf),
  });
  return [
    {
      name: `${name} may not import this`,
      severity: 'error',
      from,
      to: { ...inRooms([...imports, ...types]), dependencyTypes: ['type-only'] },
    },
    {
      name: `${name} may not import this`,
      severity: 'error',
      from,
      to: { ...inRooms(imports), dependencyTypesNot: ['type-only'] },
    },
    ...(libraries === undefined
      ? []
      : [
          {
            name: `${name} may not import this package, except types of it`,
            severity: 'error',
            from,
            to: {
              path: '^node_modules/',
              pathNot: libraries.map((library) => `^node_modules/${library}/`),
              dependencyTypesNot: ['type-only'],
            },
          } satisfies IForbiddenRuleType,
        ]),
  ];
}

/** Matches the files of a room, without those of a room inside of it. */
function patternOf({ paths }: Room): string {
  const inner = ROOMS.flatMap((room) => room.paths).filter(
    (each) => !paths.includes(each) && paths.some((own) => own.endsWith('/') && each.startsWith(own)),
  );
  const except = inner.length > 0 ? `(?!${inner.map(pathPattern).join('|')})` : '';
  return `^${except}(${paths.map(pathPattern).join('|')})`;
}

function pathPattern(each: string): string {
  return each.endsWith('/') ? each : `${each.replaceAll('.', '\\.')}$`;
}

function tableProblems(): string[] {
  const text = readFileSync(DOCUMENT, 'utf8');
  const start = text.indexOf(HEADER);
  if (start === -1) return [`ARCHITECTURE.md has no table that begins with\n${HEADER}`];
  const end = text.indexOf('\n\n', start) + 1;
  const table = HEADER + ROOMS.map(rowOf).join('');
  if (text.slice(start, end) === table) return [];
  if (!process.argv.includes('--write')) {
    return ['ARCHITECTURE.md shows another table than scripts/rooms.ts: run `npm run check:imports -- --write`'];
  }
  writeFileSync(DOCUMENT, text.slice(0, start) + table + text.slice(end));
  return [];
}

function rowOf(room: Room): string {
  const paths = room.paths.map(code).join(', ');
  return `| ${paths} | ${room.holds} | ${importsText(room)} |\n`;
}

function importsText(room: Room): string {
  const { imports, types = [], libraries } = room;
  const others = ROOMS.slice(ROOMS.indexOf(room) + 1)
    .map(({ name }) => name)
    .filter((name) => !imports.includes(name));
  const rooms =
    imports.length === 0
      ? 'nothing'
      : others.length === 0
        ? 'all below'
        : others.length <= Math.min(MOST_NAMED, imports.length)
          ? `all below but ${others.map(code).join(', ')}`
          : ROOMS.map(({ name }) => name)
              .filter((name) => imports.includes(name))
              .map(code)
              .join(', ');
  const typed = types.length > 0 ? `; types of ${types.map(code).join(', ')}` : '';
  const packages =
    libraries === undefined
      ? ''
      : libraries.length === 0
        ? '; no npm package'
        : `; of npm packages only ${libraries.map(code).join(', ')}`;
  return rooms + typed + packages;
}

function code(text: string): string {
  return `\`${text}\``;
}
