import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import type { Pipeline } from '../core/run/pipeline.ts';
import { TuneloopError } from '../errors.ts';
import { misfitsOf } from '../providers/profiles/fit.ts';
import { pipelineJsonSchema, pipelineSchema } from './pipeline.ts';

/** The default file of later answers, if the pipeline names none: beside the pipeline file. Absolute. */
export function actualsFile(pipelineFile: string, { name }: Pick<Pipeline, 'name'>): string {
  return path.join(path.dirname(path.resolve(pipelineFile)), `${name}.actuals.jsonl`);
}

async function existing(file: string): Promise<string | undefined> {
  return stat(file).then(
    (stats) => (stats.isFile() ? file : undefined),
    () => undefined,
  );
}

/**
 * Reads and checks a pipeline file (YAML or JSON).
 *
 * @returns the pipeline with defaults filled in and its paths made absolute, taken relative to the file. Later answers
 *   that lie beside it are its `source.actuals`.
 * @throws TuneloopError PIPELINE_INVALID with one line per problem: file, line, key and what is allowed.
 */
export async function readPipelineFile(file: string): Promise<Pipeline> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason =
      typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
        ? 'there is no such file'
        : String(error);
    throw new TuneloopError(
      'PIPELINE_INVALID',
      `${file}: ${reason}. Name a pipeline file, for example examples/support-triage/pipeline.yaml`,
    );
  }
  const { pipeline, placeOf } = readPipeline(text, file);
  const folder = path.dirname(path.resolve(file));
  const { source, split, evaluation } = pipeline;
  const actuals =
    source.actuals === undefined ? await existing(actualsFile(file, pipeline)) : path.resolve(folder, source.actuals);
  return {
    ...pipeline,
    source: {
      ...source,
      ...(source.path === undefined ? {} : { path: path.resolve(folder, source.path) }),
      ...(actuals === undefined ? {} : { actuals }),
    },
    split: {
      ...split,
      test: typeof split.test === 'number' ? split.test : { file: path.resolve(folder, split.test.file) },
    },
    evaluation: await withAbsolutePaths(evaluation, folder, placeOf),
  };
}

/** @throws TuneloopError PIPELINE_INVALID where the module or the schema is missing. */
async function withAbsolutePaths(
  evaluation: Pipeline['evaluation'],
  folder: string,
  placeOf: (keys: readonly string[]) => string,
): Promise<Pipeline['evaluation']> {
  const { scorer, json_schema: schema, ...others } = evaluation;
  const fileOf = async (written: string, keys: string[]) => {
    const file = await existing(path.resolve(folder, written));
    if (file !== undefined) return file;
    throw invalid([`${placeOf(keys)} names ${written}, and there is no such file in ${folder}`]);
  };
  const moduleOf = async (written: string, keys: string[]) => {
    if (/^\.{1,2}[/\\]/.test(written) || path.isAbsolute(written)) return fileOf(written, keys);
    const file = packageFile(written, folder);
    if (file !== undefined) return file;
    throw invalid([
      `${placeOf(keys)} names ${written}, and no package of this name can be loaded from ${folder}: install it there, or begin a file of yours with ./`,
    ]);
  };
  return {
    ...others,
    ...(scorer && {
      scorer: { ...scorer, module: await moduleOf(scorer.module, ['evaluation', 'scorer', 'module']) },
    }),
    ...(schema !== undefined && { json_schema: await fileOf(schema, ['evaluation', 'json_schema']) }),
  };
}

/** The file that Node would load for a module of that folder; undefined for modules built into Node. */
function packageFile(name: string, folder: string): string | undefined {
  try {
    const file = createRequire(path.join(folder, 'module.js')).resolve(name);
    return path.isAbsolute(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** As {@link readPipelineFile} for text that was read already; paths stay as written. */
export function parsePipeline(text: string, file: string): Pipeline {
  return readPipeline(text, file).pipeline;
}

/** `placeOf` says where a key stands: file, line and its name. */
function readPipeline(
  text: string,
  file: string,
): { pipeline: Pipeline; placeOf: (keys: readonly string[]) => string } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const lineOf = (offset: number) => lineCounter.linePos(offset).line;
  if (document.errors.length > 0) {
    throw invalid(document.errors.map((error) => `${file}:${lineOf(error.pos[0])}: ${error.message}`));
  }
  const parsed = pipelineSchema.safeParse(toJs(document, (offset) => `${file}:${lineOf(offset)}`));
  if (parsed.success) {
    const placeOf = (keys: readonly string[]) => `${file}:${lineOf(offsetOf(document, keys))}: ${keys.join('.')}`;
    const misfits = misfitsOf(parsed.data);
    if (misfits.length > 0) throw invalid(misfits.map(({ path: keys, message }) => `${placeOf(keys)} ${message}`));
    return { pipeline: parsed.data, placeOf };
  }
  throw invalid(
    parsed.error.issues.flatMap(ofWrittenForm).flatMap((issue) => {
      const line = (keys: PropertyKey[]) => lineOf(offsetOf(document, keys));
      if (issue.code === 'unrecognized_keys') {
        const allowed = allowedKeys(issue.path, document);
        return issue.keys.map(
          (key) =>
            `${file}:${line([...issue.path, key])}: unknown key ${[...issue.path, key].join('.')}; allowed here: ${allowed.join(', ')}`,
        );
      }
      return [`${file}:${line(issue.path)}: ${issue.path.join('.') || 'the file'} ${explain(issue, document)}`];
    }),
  );
}

/** For a value of one of several forms: what is wrong inside the form that is written down, where it is a map; else the issue itself. */
function ofWrittenForm(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const maps = issue.errors.filter(
    (inside) => inside.length > 0 && inside.every(({ path: [key] }) => typeof key === 'string'),
  );
  const [written] = maps;
  if (!written || maps.length > 1) return [issue];
  return written.map((inside) => ({ ...inside, path: [...issue.path, ...inside.path] }));
}

/** @throws TuneloopError PIPELINE_INVALID for an alias (`*name`) without an anchor, such as a glob without quotes. */
function toJs(document: Document, placeOf: (offset: number) => string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    let offset = 0;
    visit(document, {
      Alias(_key, alias) {
        if (alias.resolve(document)) return undefined;
        offset = alias.range?.[0] ?? 0;
        return visit.BREAK;
      },
    });
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid([`${placeOf(offset)}: ${reason}. A value that begins with * needs quotes: "*.jsonl"`]);
  }
}

function invalid(problems: string[]): TuneloopError {
  return new TuneloopError('PIPELINE_INVALID', problems.join('\n'));
}

/** The place of a key in the text, or else of its nearest parent that is written down. */
function offsetOf(document: Document, keys: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (!isNode(node)) break;
      offset = node.range?.[0] ?? offset;
    }
  }
  return offset;
}

function explain(issue: z.core.$ZodIssue, document: Document): string {
  const value: unknown = document.getIn(issue.path);
  // A user may have put the key itself into the file, so text under a provider is not repeated.
  const namesProvider = issue.path[0] === 'provider' || issue.path[0] === 'original_provider';
  const found =
    value === undefined || namesProvider ? '' : `, found ${JSON.stringify(isNode(value) ? value.toJSON() : value)}`;
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined
        ? `is missing: it must be of type ${issue.expected}`
        : `must be of type ${issue.expected}${found}`;
    case 'invalid_value':
      return `must be ${issue.values.map((allowed) => JSON.stringify(allowed)).join(' or ')}${found}`;
    case 'invalid_union':
      if (namesProvider && issue.path.length === 1 && document.getIn(issue.path) === 'generic') {
        return 'generic needs an address and a key: write { profile: generic, baseURL: https://..., apiKeyEnv: NAME_OF_A_VARIABLE }';
      }
      return `must be ${allowedForms(issue.path)}${found}`;
    case 'custom':
      return issue.message;
    default:
      return `${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}${found}`;
  }
}

interface SchemaNode {
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  type?: string;
  const?: unknown;
  enum?: unknown[];
}

/** The part of the JSON Schema that describes these keys. */
function schemaAt(keys: readonly PropertyKey[]): SchemaNode[] {
  return keys.reduce<SchemaNode[]>(
    (nodes, key) =>
      nodes
        .flatMap(formsOf)
        .flatMap((node) => (typeof key === 'number' ? (node.items ?? []) : (node.properties?.[String(key)] ?? []))),
    [pipelineJsonSchema() as SchemaNode],
  );
}

/** If `type` distinguishes forms, the part of the form that is written down. */
function allowedKeys(keys: readonly PropertyKey[], document: Document): string[] {
  const type: unknown = document.getIn([...keys, 'type']);
  const forms = schemaAt(keys).flatMap(formsOf);
  const written = forms.filter((node) => node.properties?.type?.const === type);
  return [...new Set((written.length > 0 ? written : forms).flatMap((node) => Object.keys(node.properties ?? {})))];
}

function formsOf(node: SchemaNode): SchemaNode[] {
  return node.anyOf ?? node.oneOf ?? [node];
}

function allowedForms(keys: readonly PropertyKey[]): string {
  return schemaAt(keys)
    .flatMap(formsOf)
    .map((node) => {
      if (node.const !== undefined) return JSON.stringify(node.const);
      if (node.properties) return `{${Object.keys(node.properties).join(', ')}}`;
      if (node.type === 'array') return `a list of ${node.items?.type ?? 'value'}s`;
      return `${/^[aeiou]/.test(node.type ?? '') ? 'an' : 'a'} ${node.type}`;
    })
    .join(' or ');
}
