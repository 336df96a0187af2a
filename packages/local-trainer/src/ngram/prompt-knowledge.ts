import type { Example } from '../jobs/training-file.ts';
import type { CountedMessage } from '../tokens.ts';

/** The facts in a prompt about the task: the classes it lists and the examples it shows. */
export interface PromptKnowledge {
  readonly classes: readonly string[];
  readonly examples: readonly Example[];
}

/** A chat, split into the part that is the same in every call and the present question. */
export interface CutPrompt {
  /** Instructions: system messages and, in a single legacy prompt, all text before the input. */
  readonly instructions: string;
  /** Pairs of earlier user and assistant messages. */
  readonly turns: readonly Example[];
  readonly input: string;
}

const INPUT_NAMES = new Set(
  (
    'input|message|query|question|q|text|utterance|ticket|review|email|sentence|customer|user|request|comment|document|tweet|post|' +
    'user message|customer message|user input|content|facts|data|attributes|transcript|description|title|headline|prompt|example|complaint'
  ).split('|'),
);
const OUTPUT_NAMES = new Set(
  (
    'answer|a|label|output|class|category|intent|response|assistant|completion|result|topic|sentiment|reply|prediction|' +
    'classification|tag|department|queue|agent|summary|language|emotion'
  ).split('|'),
);

const NAMED_LINE = /^[\s>*#\-•\d.)]*(?<name>\p{L}[\p{L}\p{N} _]{0,24}?)\**\s*:\**(?:\s+|$)(?<value>.*)$/u;
const ARROW_LINE = /^[\s>*\-•\d.)]*(?<input>\S.*?)\s*(?:->|=>|→|⇒)\s*(?<output>\S.*?)\s*$/u;
const TAGGED_PAIR = /<(?<a>[\w-]+)>(?<input>[\s\S]*?)<\/\k<a>>\s*<(?<b>[\w-]+)>(?<output>[\s\S]*?)<\/\k<b>>/gu;
const TAGGED_END = /<(?<tag>[\w-]+)>(?<input>(?:(?!<\/?\k<tag>>)[\s\S])*)<\/\k<tag>>\s*$/u;
const BULLET = /^\s*(?:[-*•–]|\d{1,3}[.)])\s+(?<item>\S.*?)\s*$/u;
const CLASS_HEADER =
  /\b(?:class(?:es)?|labels?|categor(?:y|ies)|intents?|options?|topics?|tags?|queues?|departments?|sentiments?|emotions?|one of|types?|choices?)\b/iu;
const LONGEST_CLASS = 80;

/** Cuts a chat into instructions, earlier turns and the input that is asked about: the last user message or the end of it. */
export function cutPrompt(messages: readonly CountedMessage[]): CutPrompt {
  const instructions: string[] = [];
  const turns: Example[] = [];
  let asked: string | undefined;
  for (const { role, content } of messages) {
    if (role === 'system' || role === 'developer') instructions.push(content);
    else if (role === 'user') asked = content;
    else if (role === 'assistant' && asked !== undefined) {
      turns.push({ input: cutInput(asked).input, completion: content });
      asked = undefined;
    }
  }
  const { before, input } = cutInput(asked ?? '');
  if (before !== '') instructions.push(before);
  return { instructions: instructions.join('\n\n'), turns, input };
}

/**
 * Finds the input at the end of a single prompt: the text after the last `Input:` (or another usual name), without an empty `Answer:` at
 * the very end; or the content of the last pair of tags. Without either, a text whose last paragraph follows instructions with a list or
 * with examples is cut there; anything else is all input.
 */
function cutInput(text: string): { before: string; input: string } {
  let end = text.trimEnd();
  if (!end.includes('\n') && !end.includes(':') && !end.endsWith('>')) return { before: '', input: end };
  const lastLine = end.slice(end.lastIndexOf('\n') + 1);
  const closing = NAMED_LINE.exec(lastLine)?.groups;
  if (closing?.value === '' && OUTPUT_NAMES.has(nameOf(closing.name))) {
    end = end.slice(0, end.length - lastLine.length).trimEnd();
  }
  for (let to = end.length; to > 0; ) {
    const from = end.lastIndexOf('\n', to - 1) + 1;
    const groups = NAMED_LINE.exec(end.slice(from, to))?.groups;
    if (groups !== undefined && INPUT_NAMES.has(nameOf(groups.name))) {
      return { before: end.slice(0, from).trimEnd(), input: ((groups.value ?? '') + end.slice(to)).trim() };
    }
    to = from - 1;
  }
  if (end.endsWith('>')) {
    const tagged = TAGGED_END.exec(end);
    if (tagged?.groups?.input !== undefined) {
      return { before: end.slice(0, tagged.index).trimEnd(), input: tagged.groups.input.trim() };
    }
  }
  const gap = end.lastIndexOf('\n\n');
  if (gap > 0) {
    const before = end.slice(0, gap).trimEnd();
    const { classes, examples } = readPrompt(before);
    if (classes.length > 1 || examples.length > 1) return { before, input: end.slice(gap).trim() };
  }
  return { before: '', input: end };
}

/** Reads the classes and examples out of instructions. */
export function readPrompt(text: string): PromptKnowledge {
  const lines = text.split('\n');
  const named = namedPairs(lines);
  const examples = named.length > 0 ? named : [...arrowPairs(lines), ...taggedPairs(text)];
  return { classes: classesOf(lines, new Set(examples.map(({ completion }) => completion))), examples };
}

function nameOf(name: string | undefined): string {
  return (name ?? '').trim().toLowerCase();
}

/** `Input: ...` lines followed by `Answer: ...` lines; unusual names count when the same two alternate at least twice. */
function namedPairs(lines: readonly string[]): Example[] {
  const usual = pairsWith(
    lines,
    (name) => INPUT_NAMES.has(name),
    (name) => OUTPUT_NAMES.has(name),
  );
  if (usual.length > 0) return usual;
  const names: string[] = [];
  for (const line of lines) {
    const groups = NAMED_LINE.exec(line)?.groups;
    if (groups !== undefined && groups.value !== '') names.push(nameOf(groups.name));
  }
  const counts = new Map<string, number>();
  for (const [at, name] of names.entries()) {
    const next = names[at + 1];
    if (next === undefined || next === name) continue;
    const pair = `${name}\n${next}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  const [pair, count] = [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most), ['', 0]);
  const [inputName, outputName] = pair.split('\n');
  if (count < 2) return [];
  return pairsWith(
    lines,
    (name) => name === inputName,
    (name) => name === outputName,
  );
}

function pairsWith(
  lines: readonly string[],
  isInput: (name: string) => boolean,
  isOutput: (name: string) => boolean,
): Example[] {
  const pairs: Example[] = [];
  let input: string | undefined;
  let output: string | undefined;
  const close = () => {
    if (input !== undefined && output !== undefined && output.trim() !== '') {
      pairs.push({ input: unquoted(input), completion: unquoted(output) });
      input = undefined;
    }
    output = undefined;
  };
  for (const line of lines) {
    const groups = NAMED_LINE.exec(line)?.groups;
    const name = nameOf(groups?.name);
    const value = groups?.value ?? '';
    if (groups !== undefined && isInput(name)) {
      close();
      input = value;
      const inside = /^(?<input>.*?)[\s|;,]+(?<name>\p{L}[\p{L} ]{0,24}?)\s*:\s+(?<output>\S.*)$/u.exec(value)?.groups;
      if (inside !== undefined && isOutput(nameOf(inside.name))) {
        input = inside.input ?? '';
        output = inside.output ?? '';
        close();
      }
    } else if (groups !== undefined && isOutput(name) && input !== undefined) {
      output = value;
    } else if (output !== undefined) {
      if (line.trim() === '' && output.trim() !== '') close();
      else output += `\n${line}`;
    } else if (input !== undefined) {
      input += `\n${line}`;
    }
  }
  close();
  return pairs;
}

function arrowPairs(lines: readonly string[]): Example[] {
  const pairs: Example[] = [];
  for (const line of lines) {
    const groups = ARROW_LINE.exec(line)?.groups;
    if (groups?.input === undefined || groups.output === undefined) continue;
    pairs.push({ input: unquoted(groups.input), completion: unquoted(groups.output) });
  }
  return pairs;
}

function taggedPairs(text: string): Example[] {
  const pairs: Example[] = [];
  for (const { groups } of text.matchAll(TAGGED_PAIR)) {
    if (groups?.input === undefined || groups.output === undefined || groups.a === groups.b) continue;
    pairs.push({ input: groups.input.trim(), completion: groups.output.trim() });
  }
  return pairs;
}

/** The list of short items, in bullets or divided by commas, that has a heading about classes or holds most of the examples' answers. */
function classesOf(lines: readonly string[], answers: ReadonlySet<string>): string[] {
  let best: string[] = [];
  let bestScore = 0;
  let heading = '';
  let items: string[] = [];
  const consider = (candidates: readonly string[], header: string) => {
    const classes = [...new Set(candidates.map((item) => className(item, answers)))].filter((item) => item !== '');
    if (classes.length < 2 || classes.some((item) => item.length > LONGEST_CLASS)) return;
    const known = classes.filter((item) => answers.has(item)).length;
    const score = (CLASS_HEADER.test(header) ? 1 : 0) + (answers.size > 0 ? (2 * known) / answers.size : 0);
    if (score > bestScore) {
      best = classes;
      bestScore = score;
    }
  };
  for (const line of lines) {
    const item = BULLET.exec(line)?.groups?.item;
    if (item !== undefined) {
      items.push(item);
      continue;
    }
    if (line.trim() === '' && items.length === 0) continue;
    consider(items, heading);
    items = [];
    if (line.trim() === '') continue;
    heading = line;
    const list = CLASS_HEADER.test(line) ? inlineList(line) : [];
    consider(list, line);
  }
  consider(items, heading);
  return best;
}

/** `Labels: a, b or c.` and `one of (a, b, c)`, up to the end of the sentence. */
function inlineList(line: string): string[] {
  const list = /[:(]\s*(?<list>[^:()]*?[,|/][^:()]*?)(?:[.)]+(?:\s|$)|$)/u.exec(line)?.groups?.list;
  return list?.replace(/^\[|\]$/g, '').split(/\s*[,|]\s*(?:or |and )?|\s+or\s+|\s*\/\s*/u) ?? [];
}

/** `name`, `**name**`, `"name"`, `name: what it means` and `name - what it means` all name the class `name`. */
function className(item: string, answers: ReadonlySet<string>): string {
  const whole = unquoted(item);
  if (answers.has(whole)) return whole;
  return unquoted(/^(?<name>.+?)(?::\s+|\s+[-–—]\s+)\S/u.exec(whole)?.groups?.name ?? whole);
}

function unquoted(text: string): string {
  return text
    .trim()
    .replace(/^\*\*(.*)\*\*$/su, '$1')
    .replace(/^["'`“](.*)["'`”]$/su, '$1')
    .trim();
}
