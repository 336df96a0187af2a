import { literalsBefore, type Slot, type TemplateMessage } from '@tuneloop/app/internal/prompt/prompt-template';
import { isDate, isToken } from './machine-text.ts';

/** Share of the values that must be dates, or ids, for a slot to be one of those. */
const SHARE = 0.97;
/** This few values say nothing about the others. */
const FEWEST_VALUES = 5;
/** Share of the values that differ where they are ids. */
const DIFFERENT_IDS = 0.9;
/** Values of a counter lie close to each other, which shows only with at least this many of them. */
const FEWEST_COUNTS = 20;
const MOST_COUNTED = 1.2;
const LONGEST_NAME = 30;

/** Names the slots of a version, and says what they hold. @param rows the contents of the slots of each prompt. */
export function slotsOf(
  messages: readonly TemplateMessage[],
  rows: readonly (readonly string[])[],
  fewShots: ReadonlySet<number>,
): Slot[] {
  const before = literalsBefore(messages);
  const kinds = before.map((literal, slot): Slot['kind'] => {
    const isBeforeInput = slot < before.length - 1;
    if (fewShots.has(slot) || (isBeforeInput && OF_EXAMPLES.test(nameBefore(literal) ?? ''))) return 'few-shots';
    return kindOf(rows.map((values) => values[slot] ?? ''));
  });
  // If no other slot is left, dates or ids are the subject of the prompt.
  const inputs = kinds.filter((kind) => kind === 'input').length;
  const taken = new Set<string>();
  return kinds.map((given, slot) => {
    const kind = inputs > 0 || given === 'few-shots' ? given : 'input';
    const plain = kind === 'input' && inputs > 1 ? 'value' : DEFAULT_NAMES[kind];
    const name = unique(nameBefore(before[slot] ?? '') ?? plain, taken);
    return { name, kind };
  });
}

const OF_EXAMPLES = /^(?:.*_)?(?:examples?|few_shots?|demonstrations?|beispiele?)(?:_.*)?$/;

const DEFAULT_NAMES: Record<Slot['kind'], string> = { input: 'input', date: 'date', id: 'id', 'few-shots': 'examples' };

/** Of the label, the heading or the tag before a slot. */
function nameBefore(literal: string): string | undefined {
  const line = literal.trimEnd().split('\n').at(-1) ?? '';
  const named =
    /<([A-Za-z][\w-]*)(?:\s[^<>]*)?>$/.exec(line)?.[1] ??
    /\[([A-Z][A-Z_ ]+)\]$/.exec(line)?.[1] ??
    /^#+ +([^#:]{1,40}):?$/.exec(line)?.[1] ??
    /(?:^|[.!?,;][ \t]+)[#>*_ \t-]*(\p{L}[^.:!?]{0,40}):[*_]*[ \t]*["'`«“]*$/u.exec(line)?.[1];
  const name = named
    ?.toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, LONGEST_NAME);
  return name && name.split('_').length <= 4 ? name : undefined;
}

function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${name}_${number}`;
  taken.add(free);
  return free;
}

function kindOf(values: readonly string[]): Slot['kind'] {
  const given = values.map((value) => value.trim()).filter((value) => value !== '');
  if (given.length < FEWEST_VALUES) return 'input';
  if (isMost(given, isDate)) return 'date';
  const isDifferent = new Set(given).size >= DIFFERENT_IDS * given.length;
  return isDifferent && (isMost(given, isToken) || isCounter(given)) ? 'id' : 'input';
}

function isMost(values: readonly string[], test: (value: string) => boolean): boolean {
  return values.filter(test).length >= SHARE * values.length;
}

/** Whole numbers that are all different and leave hardly any out, as numbers of rows or calls do. */
function isCounter(values: readonly string[]): boolean {
  if (values.length < FEWEST_COUNTS || !values.every((value) => /^#?\d{1,9}$/.test(value))) return false;
  const numbers = values.map((value) => Number(value.replace('#', '')));
  const size =
    numbers.reduce((most, number) => Math.max(most, number), 0) -
    numbers.reduce((low, number) => Math.min(low, number), Infinity);
  return size <= values.length * MOST_COUNTED;
}
