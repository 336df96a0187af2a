import path from 'node:path';
import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import {
  type PromptTemplate,
  stripInstructions,
  type TemplateVersion,
} from '@tuneloop/app/internal/prompt/prompt-template';
import { readEnvironment } from '../config/environment.ts';
import type { Pipeline, ProviderChoice } from '../config/pipeline.ts';
import { readPipelineFile } from '../config/pipeline-file.ts';
import type { SourceChoice } from '../config/source.ts';
import { percentText, plainLine } from '../core/text/format.ts';
import { parseTemplates } from '../data/instructions/explicit-template.ts';
import { differenceFrom } from '../data/instructions/template-difference.ts';
import { mineTemplate } from '../data/instructions/template-mining.ts';
import { placeText, VERDICTS, type VerdictCount, VerdictTable } from '../data/rows/issue.ts';
import { countMessages } from '../data/rows/provider-limits.ts';
import type { LogRow } from '../data/rows/row.ts';
import { TuneloopError } from '../errors.ts';
import { trainerUrlOf } from '../local/services-file.ts';
import { connectProvider } from '../providers/connect.ts';
import { openSource } from '../sources/open-source.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';

/** Rows that are looked at, from the beginning of the log. */
const ROWS = 20_000;
/** Prompts that show the instructions, taken from all over these rows. */
const MINED = 2000;
const COUNTED = 200;
const EXAMPLES = 2;
const VALUES = 3;
const PLACES = 5;
const SHORT = 72;
const WIDEST = 110;

interface SlotJson {
  name: string;
  kind: string;
  values: string[];
}

interface VersionJson {
  rows: number;
  share: number;
  /** The prompt with its slots as `‹name›`. */
  prompt: Message[];
  slots: SlotJson[];
  /** Means of a request, before and after the instructions are taken off. */
  tokens: { before: number; after: number };
  examples: { input: string; completion: string | null }[];
}

interface InspectJson {
  source: string[];
  rows: number;
  versions: VersionJson[];
  mismatched: { rows: number; examples: { place: string; differs: string }[] };
  verdicts: VerdictCount[];
}

/** `inspect FILE`: what a log's prompts share and what would be left of them, before anything is paid. */
export async function inspect(file: string, options: { json?: boolean }): Promise<number> {
  const { source, instructions, provider } = await whatToInspect(file);
  const environment = readEnvironment();
  const log = openSource(source, { provider: () => connectProvider(provider, trainerUrlOf(environment)) });
  const verdicts = new VerdictTable();
  const rows = await readRows(log, verdicts);
  const names = await log.describe();
  if (rows.length === 0) {
    const reasons = verdicts.all().map(({ verdict, rows: count }) => `${count} x ${VERDICTS[verdict].what}`);
    throw new TuneloopError('SOURCE_EMPTY', `${names.join(', ')} holds no row that can be used: ${reasons.join('; ')}`);
  }
  if (rows.length === ROWS) say(`The first ${ROWS} rows are looked at.`);
  const stride = Math.ceil(rows.length / MINED);
  const template =
    instructions === 'auto'
      ? mineTemplate(rows.filter((_, index) => index % stride === 0).map(({ messages }) => messages))
      : parseTemplates(instructions.templates);
  const result = lookAt(rows, template, names, verdicts);
  printResult(options.json, result, () => textOf(result));
  return EXIT.ok;
}

/** A pipeline file, or a log as it is. */
async function whatToInspect(
  file: string,
): Promise<{ source: SourceChoice; instructions: Pipeline['clean']['instructions']; provider: ProviderChoice }> {
  if (/\.jsonl(\.gz)?$/.test(file)) {
    return { source: { type: 'jsonl', path: path.resolve(file) }, instructions: 'auto', provider: 'local' };
  }
  const { source, clean, provider } = await readPipelineFile(file);
  return { source, instructions: clean.instructions, provider };
}

async function readRows(log: ReturnType<typeof openSource>, verdicts: VerdictTable): Promise<LogRow[]> {
  const rows: LogRow[] = [];
  const { items } = await log.read(null, new AbortController().signal);
  for await (const item of items) {
    if (item.kind === 'refused') verdicts.add(item.verdict, item.place);
    if (item.kind !== 'row') continue;
    for (const verdict of item.verdicts) verdicts.add(verdict, item.row);
    rows.push(item.row);
    if (rows.length === ROWS) break;
  }
  return rows;
}

function lookAt(
  rows: readonly LogRow[],
  template: PromptTemplate,
  source: string[],
  verdicts: VerdictTable,
): InspectJson {
  const versions = template.versions.map((version) => new VersionFigures(version));
  const mismatched: InspectJson['mismatched'] = { rows: 0, examples: [] };
  for (const row of rows) {
    const stripped = stripInstructions(template, row.messages);
    if ('mismatch' in stripped) {
      mismatched.rows += 1;
      if (mismatched.examples.length < PLACES) {
        mismatched.examples.push({
          place: placeText(row),
          differs: differenceFrom(template, row.messages) ?? stripped.mismatch,
        });
      }
    } else {
      versions[stripped.version]?.add(row, stripped.slots, stripped.input);
    }
  }
  return {
    source,
    rows: rows.length,
    versions: versions.map((each) => each.all(rows.length)),
    mismatched,
    verdicts: verdicts.all(),
  };
}

/** What is seen of the prompts of one version. */
class VersionFigures {
  readonly #version: TemplateVersion;
  readonly #values: Set<string>[];
  readonly #examples: VersionJson['examples'] = [];
  #rows = 0;
  #counted = 0;
  #before = 0;
  #after = 0;

  constructor(version: TemplateVersion) {
    this.#version = version;
    this.#values = version.slots.map(() => new Set());
  }

  add({ messages, completion, actual }: LogRow, slots: readonly string[], input: string): void {
    this.#rows += 1;
    slots.forEach((value, slot) => {
      const values = this.#values[slot];
      if (values && values.size < VALUES) values.add(value);
    });
    if (this.#examples.length < EXAMPLES) this.#examples.push({ input, completion: actual ?? completion ?? null });
    if (this.#counted === COUNTED) return;
    this.#counted += 1;
    this.#before += countMessages(messages);
    this.#after += countMessages([{ role: 'user', content: input }]);
  }

  all(rows: number): VersionJson {
    const { slots, messages } = this.#version;
    const mean = (tokens: number) => (this.#counted === 0 ? 0 : tokens / this.#counted);
    return {
      rows: this.#rows,
      share: this.#rows / rows,
      prompt: messages.map(({ role, parts }) => ({
        role,
        content: parts.map((part) => (typeof part === 'string' ? part : `‹${slots[part.slot]?.name}›`)).join(''),
      })),
      slots: slots.map(({ name, kind }, slot) => ({ name, kind, values: [...(this.#values[slot] ?? [])] })),
      tokens: { before: mean(this.#before), after: mean(this.#after) },
      examples: this.#examples,
    };
  }
}

function textOf({ source, rows, versions, mismatched, verdicts }: InspectJson): string {
  const parts = [`${rows} rows of ${source.map(plainLine).join(', ')}`];
  versions.forEach((version, index) => {
    parts.push(versionText(version, `Prompt ${index + 1} of ${versions.length}`));
  });
  if (mismatched.rows > 0) {
    const examples = mismatched.examples.map(({ place, differs }) => `  ${plainLine(`${place}: ${differs}`)}`);
    parts.push([`${mismatched.rows} rows follow none of these; they would be left out.`, ...examples].join('\n'));
  }
  if (verdicts.length > 0) {
    const lines = verdicts.map(
      ({ verdict, rows: count, places }) =>
        `  ${count} x ${verdict}: ${VERDICTS[verdict].what} (${places.slice(0, PLACES).map(plainLine).join(', ')})`,
    );
    parts.push(['Odd rows:', ...lines].join('\n'));
  }
  return parts.join('\n\n');
}

function versionText({ rows, share, prompt, slots, tokens, examples }: VersionJson, title: string): string {
  const saved = tokens.before === 0 ? 0 : 1 - tokens.after / tokens.before;
  const head =
    `${title}: ${rows} rows (${percentText(share)}), ` +
    `${tokens.before.toFixed(0)} -> ${tokens.after.toFixed(0)} tokens a request (${percentText(saved)} less)`;
  return [
    head,
    '='.repeat(Math.min(head.length, 100)),
    ...prompt.map(({ role, content }) => `[${role}]\n${indented(content)}`),
    ...slots.map(
      ({ name, kind, values }) =>
        `‹${plainLine(name)}› ${kind === 'input' ? 'input' : `${kind}, not in the input`}: ${values.map((value) => shortened(value)).join(' | ')}`,
    ),
    ...examples.map(
      ({ input, completion }) =>
        `example: ${shortened(input)} -> ${completion === null ? '(no answer)' : shortened(completion)}`,
    ),
  ].join('\n');
}

/** Long instructions by their beginning and their end. */
const LINES_SHOWN = 12;

function indented(content: string): string {
  const lines = content.split('\n').map((line) => `  ${/^ */.exec(line)?.[0]}${shortened(line, WIDEST)}`.trimEnd());
  if (lines.length <= LINES_SHOWN) return lines.join('\n');
  const half = LINES_SHOWN / 2;
  return [...lines.slice(0, half), `  ... ${lines.length - LINES_SHOWN} lines ...`, ...lines.slice(-half)].join('\n');
}

function shortened(text: string, longest = SHORT): string {
  const line = plainLine(text);
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
