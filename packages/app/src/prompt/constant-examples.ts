/** The beginning of a line of an example. */
export const LABEL = /^[ \t]*(?:<[A-Za-z][\w-]*>|\[[A-Z][A-Z_ ]+\]|[#>*_-]*[ \t]*\p{L}[^\n:]{0,40}:[*_]*)/gmu;

interface Region {
  start: number;
  end: number;
}

const TAGGED = /\s*<(examples?|few_?shots?|demonstrations?)>[\s\S]*?<\/\1>/giu;
const HEADING =
  /(?:^|\n)[#*_ \t]*(?:[^\n.:]{0,40}\b)?(?:examples?|demonstrations?|beispiele?)\b[^\n.:]{0,40}:?[*_]*\s*$/iu;
const PARAGRAPH = /[^\n]+(?:\n[^\n]+)*/g;
/** A line of a list, or one with a sign before an answer. */
const LISTED = /^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]|[ \t](?:[-=~]*>|[→⇒|])[ \t]|: /u;

const SIGN = /^(?:[-=~]*>|[→⇒|])$/u;

/** Constant text without a heading of examples at its end. */
export function withoutHeading(text: string): string {
  const rest = text.trimEnd().replace(HEADING, '');
  return rest.length < text.trimEnd().length ? rest.trimEnd() : text;
}

/**
 * Constant text without the examples in it: paragraphs with the same labels, a list under a heading of examples, tags of examples, and
 * lines before an input that repeat its label or the sign behind it.
 *
 * @param after - the constant text behind the input; undefined where no input follows
 */
export function withoutExamples(text: string, after: string | undefined): string {
  const untagged = text.replace(TAGGED, '');
  const region =
    pairs(untagged) ?? listUnderHeading(untagged) ?? (after === undefined ? undefined : beforeInput(untagged, after));
  if (!region) return untagged;
  const head = withoutHeading(untagged.slice(0, region.start).trimEnd());
  const rest = untagged.slice(region.end);
  return head === '' ? rest.trimStart() : head + rest;
}

/** From the first to the last of the paragraphs with the same labels. */
function pairs(text: string): Region | undefined {
  const paragraphs = [...text.matchAll(PARAGRAPH)].flatMap(({ 0: paragraph, index }) => {
    const labels = [...paragraph.matchAll(LABEL)];
    const key = labels.map(([label]) => label.replace(/\d+/g, '0')).join('\n');
    const isPair = labels.length > 1 && labels[0]?.index === 0;
    return isPair ? [{ key, start: index, end: index + paragraph.length }] : [];
  });
  const [largest] = [...Map.groupBy(paragraphs, ({ key }) => key).values()].toSorted((a, b) => b.length - a.length);
  const [first, last] = [largest?.[0], largest?.at(-1)];
  return first && last && first !== last ? { start: first.start, end: last.end } : undefined;
}

function listUnderHeading(text: string): Region | undefined {
  const paragraphs = [...text.matchAll(PARAGRAPH)].map(({ 0: paragraph, index }) => ({ paragraph, index }));
  for (const [place, { paragraph, index }] of paragraphs.entries()) {
    const [heading = '', ...lines] = paragraph.split('\n');
    if (!HEADING.test(heading)) continue;
    const list =
      lines.length > 0 ? { paragraph: lines.join('\n'), index: index + heading.length + 1 } : paragraphs[place + 1];
    const listed = list?.paragraph.split('\n') ?? [];
    if (list && listed.length > 1 && listed.every((line) => LISTED.test(line))) {
      return { start: list.index, end: list.index + list.paragraph.length };
    }
  }
  return undefined;
}

function beforeInput(text: string, after: string): Region | undefined {
  const answer = after.trimStart().split('\n', 1)[0]?.trim() ?? '';
  if (SIGN.test(answer)) {
    const start = firstLineWith(text, answer);
    return start === undefined ? undefined : { start, end: text.trimEnd().length };
  }
  const label = text.slice(text.trimEnd().lastIndexOf('\n') + 1);
  const own = text.length - label.length;
  const start = label.trim() === '' ? undefined : firstWithLabel(text, label.trimEnd(), answer, own);
  return start === undefined ? undefined : { start, end: text.slice(0, own).trimEnd().length };
}

function firstWithLabel(text: string, label: string, answer: string, own: number): number | undefined {
  const place = text.startsWith(label) ? 0 : text.indexOf(`\n${label}`);
  if (place === -1 || place >= own - 1) return undefined;
  return answer === '' || text.slice(place, own).includes(answer) ? place : undefined;
}

/** The first of the lines right before the input that have a sign in them. */
function firstLineWith(text: string, sign: string): number | undefined {
  let first: number | undefined;
  for (let end = text.trimEnd().length; end > 0; ) {
    const start = text.lastIndexOf('\n', end - 1) + 1;
    if (!text.slice(start, end).includes(sign)) break;
    first = start;
    end = start - 1;
  }
  return first;
}
