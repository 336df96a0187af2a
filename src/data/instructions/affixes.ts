/** The constant text around the input in a message. */
export interface Affixes {
  prefix: string;
  suffix: string;
}

export type End = 'start' | 'end';

/** A shared run of at least this many words is prose by the prompt's author, and not a chance of the inputs. */
const PROSE_WORDS = 4;
/**
 * At most this many boundaries are tried, from the last one on, and at most this much of a long line is looked at, so that time is bounded.
 */
const MOST_TRIES = 20;
const LONGEST_LINE = 1000;
/** In fewer texts than this, a shared run of words may well be chance. */
const PROSE_TEXTS = 5;

/**
 * Finds the constant beginning and end of texts: the text that a share `quorum` of them has in common, cut back to a boundary that a
 * prompt's author would draw. Cutting too little costs some tokens, cutting too much destroys inputs; so without a mark at the boundary,
 * nothing is cut.
 *
 * @param texts distinct; a text that occurs often would pass for a part of the instructions.
 * @param quorum over 0.5, up to 1.
 */
export function findAffixes(texts: readonly string[], quorum: number, prose = texts.length >= PROSE_TEXTS): Affixes {
  // A single text has nothing to be compared with; all of it counts as input.
  if (texts.length < 2) return { prefix: '', suffix: '' };
  const common = agreed(texts, quorum, 'start');
  for (let limit = common.length, tries = 0; ; tries += 1) {
    const anchor = tries < MOST_TRIES ? lastAnchor(common, limit) : NOTHING;
    for (const end of [prose ? endOfProse(common, anchor.end, limit) : undefined, anchor.end]) {
      if (end === undefined) continue;
      const prefix = common.slice(0, end);
      const rests = texts.filter((text) => text.startsWith(prefix)).map((text) => text.slice(end));
      const suffix = cutSuffix(agreed(rests, quorum, 'end'), prefix, prose);
      const inputs = rests
        .filter((rest) => rest.endsWith(suffix))
        .map((rest) => rest.slice(0, rest.length - suffix.length));
      const cut = end > anchor.end ? PROSE : anchor;
      if (prefix === '' || isWrapper(cut, { prefix, suffix }, inputs)) return { prefix, suffix };
    }
    limit = anchor.start;
  }
}

/**
 * The longest string that at least a share `quorum` of the texts begin (or end) with. As the quorum is a majority, there
 * is one such string of each length, and it can be followed character by character.
 */
export function agreed(texts: readonly string[], quorum: number, end: End): string {
  const least = Math.max(1, Math.ceil(quorum * texts.length - 1e-9));
  let following = texts;
  for (let length = 0; ; ) {
    const [leader = ''] = following;
    const block = BLOCKS.find((size) => allGoOnLike(leader, following, length, size, end));
    if (block !== undefined) {
      length += block;
      continue;
    }
    const next = largestGroup(following, (text) => codeAt(text, length, end));
    if (next.length < least) return end === 'start' ? leader.slice(0, length) : leader.slice(leader.length - length);
    following = next;
    length += 1;
  }
}

/** Comparing whole blocks while all texts agree makes long instructions fast. */
const BLOCKS = [1024, 128, 16, 1];

function allGoOnLike(leader: string, texts: readonly string[], length: number, size: number, end: End): boolean {
  if (leader.length < length + size) return false;
  if (end === 'start') {
    const block = leader.slice(length, length + size);
    return texts.every((text) => text.startsWith(block, length));
  }
  const block = leader.slice(leader.length - length - size, leader.length - length);
  return texts.every((text) => text.endsWith(block, text.length - length));
}

/** The code unit at a distance from one end; NaN, which equals nothing, beyond the other. */
export function codeAt(text: string, distance: number, end: End): number {
  return text.charCodeAt(end === 'start' ? distance : text.length - 1 - distance);
}

export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** Words outside brackets, because values of a structure stand within them. */
export function countProse(text: string): number {
  let open = 0;
  let outside = '';
  for (const sign of text) {
    if ('{[('.includes(sign)) open += 1;
    else if ('}])'.includes(sign)) open = Math.max(0, open - 1);
    else if (open === 0) outside += sign;
  }
  return outside.match(/\p{L}[\p{L}\p{N}'’-]*/gu)?.length ?? 0;
}

/** Whether a text begins like a record or a document: with a label or a tag of its own. */
export function isLabelled(text: string): boolean {
  return FIRST_LABEL.test(text) || /^\s*</.test(text);
}

function largestGroup(texts: readonly string[], keyOf: (text: string) => number): readonly string[] {
  const groups = [...Map.groupBy(texts, keyOf)].filter(([code]) => !Number.isNaN(code)).map(([, group]) => group);
  return groups.reduce<readonly string[]>((best, group) => (group.length > best.length ? group : best), []);
}

/** Where a prefix may end: after a line, a label such as `Message: `, or an opening delimiter. */
interface Anchor {
  kind: 'nothing' | 'line' | 'label' | 'delimiter' | 'prose';
  start: number;
  end: number;
  opening: string;
}

const NOTHING: Anchor = { kind: 'nothing', opening: '', start: 0, end: 0 };

/** Of a line or a sentence, up to its first colon. Without white space behind it, `https:` would be a label too. */
const LABEL =
  /(^|[.!?][ \t]+|[。！？])([ \t]*[#>*_-]*[ \t]*\p{L}[^\n:：。！？]*(?:：[*_]*|:[*_]*(?=[ \t]|$)))([ \t]*)/gu;
const OPENING =
  /(?<=^|[\s:=>(])("""|'''|```|["'“«]|\[\[|\{\{|<[A-Za-z][\w-]*(?:\s+[\w:-]+=(?:"[^"<>]*"|'[^'<>]*'))*>|<<<+|\[[A-Z][A-Z_ ]+\])/g;
const OPENS_STRUCTURE = /[{[(]\s*$/;

/** The last anchor in the first `limit` characters of the common beginning. */
function lastAnchor(common: string, limit: number): Anchor {
  for (let lineEnd = limit; ; ) {
    const lineStart = lineEnd === 0 ? 0 : common.lastIndexOf('\n', lineEnd - 1) + 1;
    const seen = Math.max(lineStart, lineEnd - LONGEST_LINE);
    const line = common.slice(seen, lineEnd);
    const anchors = [...labelsIn(line), ...delimitersIn(line)].filter(({ start }) => start > 0 || seen === lineStart);
    const last = anchors.toSorted((a, b) => b.end - a.end)[0];
    if (last) return { kind: last.kind, opening: last.opening, start: seen + last.start, end: seen + last.end };
    if (lineStart === 0) return NOTHING;
    // A line that opens a structure, such as the first one of indented JSON, belongs to the text after it.
    if (!OPENS_STRUCTURE.test(common.slice(0, lineStart)))
      return { kind: 'line', opening: '', start: lineStart - 1, end: lineStart };
    lineEnd = lineStart - 1;
  }
}

function labelsIn(line: string): Anchor[] {
  return [...line.matchAll(LABEL)].flatMap((match): Anchor[] => {
    const [whole, before = ''] = match;
    if (hasOpenBracket(line.slice(0, match.index + whole.length))) return [];
    return [{ kind: 'label', opening: '', start: match.index + before.length, end: match.index + whole.length }];
  });
}

function delimitersIn(line: string): Anchor[] {
  return [...line.matchAll(OPENING)].flatMap((match): Anchor[] => {
    const [opening] = match;
    const end = match.index + opening.length;
    const before = line.slice(0, match.index);
    // Within brackets or behind a quoted key it is a value of a structure; if it is closed at once, it is a quoted word.
    const isValue = hasOpenBracket(before) || /["']\s*:\s*$/.test(before);
    const isClosed = line.slice(end).includes(closingOf(opening));
    return isValue || isClosed ? [] : [{ kind: 'delimiter', opening, start: match.index, end }];
  });
}

function hasOpenBracket(text: string): boolean {
  let open = 0;
  for (const sign of text) {
    if ('{[('.includes(sign)) open += 1;
    if ('}])'.includes(sign)) open = Math.max(0, open - 1);
  }
  return open > 0;
}

/** The end of a run of words after an anchor, if it is long enough to be instructions. */
function endOfProse(common: string, from: number, limit: number): number | undefined {
  const prose = common.slice(from, limit);
  const end = prose.length - lastWord(prose).length;
  const words = prose.slice(0, end);
  return countWords(words) >= PROSE_WORDS && !hasOpenBracket(words) ? from + end : undefined;
}

/** The text behind the last white space. */
function lastWord(text: string): string {
  const seen = text.slice(-LONGEST_LINE);
  const [word = ''] = /\S*$/.exec(seen.slice(seen.search(/\s\S*$/) + 1)) ?? [];
  return word.length === LONGEST_LINE ? text : word;
}

const PROSE: Anchor = { kind: 'prose', opening: '', start: 0, end: 0 };
const TAG_LINE = /<[A-Za-z][^<>\n]*>\s*$/;

/** Whether the end of a prefix is a wrapper around inputs, and not the beginning of the inputs themselves. */
function isWrapper({ kind, opening }: Anchor, { prefix, suffix }: Affixes, inputs: readonly string[]): boolean {
  if (/:[ \t]*$/.test(prefix) && most(inputs, isRecordWithoutFirstKey)) return false;
  if (TAG_LINE.test(prefix) && most(inputs, (input) => /^\s*</.test(input))) return false;
  // A tag in square brackets may stand alone, like a label.
  if (kind !== 'delimiter' || /^\[[A-Z]/.test(opening)) return true;
  const closing = closingOf(opening);
  return suffix.trimStart().startsWith(closing) && !most(inputs, (input) => input.includes(closing));
}

const LATER_LABEL = /[\n,;|.][ \t]*[\p{L}_][\p{L}\p{N}_ -]{0,30}:\s/u;
const FIRST_LABEL = /^\s*[\p{L}_][\p{L}\p{N}_ -]{0,30}:\s/u;

/** `name: A, food: B` cut after `name: `: the label is one of several in a record. */
function isRecordWithoutFirstKey(input: string): boolean {
  return LATER_LABEL.test(input) && !FIRST_LABEL.test(input);
}

function most(values: readonly string[], test: (value: string) => boolean): boolean {
  return values.filter(test).length * 2 > values.length;
}

const SEPARATOR = /[ \t]+[-=~>→⇒|#*+_]+:?[ \t]*$/u;
const ANSWER_LABEL = /[ \t]+\p{Lu}[\p{L}\p{N} ]{0,30}:[ \t]*$/u;
/** In scripts without spaces, a label at the end of a line may follow its text at once. */
const DENSE_LABEL = /(?<=^|[。！？])[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]{2,20}：[ \t]*$/u;

/** Cuts a common end down to where instructions begin again. */
function cutSuffix(common: string, prefix: string, prose: boolean): string {
  const newline = endOfLine(common);
  const line = common.slice(0, newline);
  const closing = closingAfter(prefix);
  if (closing !== undefined && line.includes(closing)) return common.slice(line.lastIndexOf(closing));
  const space = line.search(/\s/);
  const isProse = prose && space !== -1 && countWords(line.slice(space)) >= PROSE_WORDS;
  const starts = [
    searchAtEnd(line, SEPARATOR),
    searchAtEnd(line, ANSWER_LABEL),
    searchAtEnd(line, DENSE_LABEL),
    isProse ? space : -1,
  ].filter((at) => at !== -1);
  return starts.length > 0 ? common.slice(Math.min(...starts)) : fromNextLine(common, newline, prefix);
}

/** The end of the first line, without the white space before it. */
function endOfLine(text: string): number {
  const newline = text.indexOf('\n');
  if (newline === -1) return text.length;
  let end = newline;
  while (end > 0 && ' \t\r'.includes(text.charAt(end - 1))) end -= 1;
  return end;
}

function searchAtEnd(line: string, pattern: RegExp): number {
  const from = Math.max(0, line.length - LONGEST_LINE);
  const place = line.slice(from).search(pattern);
  return place === -1 ? -1 : from + place;
}

/** From the end of a line on, unless the next line closes a structure that the input opened. */
function fromNextLine(common: string, newline: number, prefix: string): string {
  const rest = common.slice(newline);
  const [closed, tag] = /^\s*(?:[}\])]|<\/([A-Za-z][\w-]*)>)/.exec(rest) ?? [];
  if (closed === undefined || (tag !== undefined && opensTag(prefix, tag))) return rest;
  const next = rest.indexOf('\n', closed.length);
  return next === -1 ? '' : fromNextLine(common, newline + next, prefix);
}

function opensTag(prefix: string, tag: string): boolean {
  return prefix.includes(`<${tag}>`) || prefix.includes(`<${tag} `);
}

/** The closing counterpart of the delimiter that a prefix ends with, white space apart. */
function closingAfter(prefix: string): string | undefined {
  const line = prefix.trimEnd();
  const opening = delimitersIn(line.slice(line.lastIndexOf('\n') + 1)).find(
    ({ end }, _, all) => end === Math.max(...all.map((each) => each.end)),
  )?.opening;
  return opening !== undefined && line.endsWith(opening) ? closingOf(opening) : undefined;
}

const CLOSING: Record<string, string> = { '[[': ']]', '{{': '}}', '“': '”', '«': '»' };

function closingOf(opening: string): string {
  const [, tag] = /^<([A-Za-z][\w-]*)/.exec(opening) ?? [];
  if (tag !== undefined) return `</${tag}>`;
  if (opening.startsWith('<<<')) return '>'.repeat(opening.length);
  if (/^\[[A-Z]/.test(opening)) return `[/${opening.slice(1)}`;
  return CLOSING[opening] ?? opening;
}
