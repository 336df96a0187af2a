/** A part of an input that an answer may repeat. */
export interface Slot {
  /** The key of the value (`name` of `name[Blue Spice]`), or its form: `#quoted`, `#number`, `#name`. */
  readonly key: string;
  readonly value: string;
}

const KEYED: readonly RegExp[] = [
  // key[value]
  /(?<key>[\p{L}_][\p{L}\p{N}_ -]{0,40})\[(?<value>[^[\]]{1,300})\]/gu,
  // "key": "value" and "key": 12
  /"(?<key>[^"\n]{1,60})"\s*:\s*(?:"(?<value>[^"\n]{1,300})"|(?<bare>-?\d[\d.]*|true|false))/gu,
  // key: value and key = value, one a line or divided by , ; |
  /(?:^|[\n,;|])\s*[-*]?\s*(?<key>[\p{L}_][\p{L}\p{N}_ -]{0,40}?)\s*[:=]\s*(?<value>[^\n,;|]{1,300})/gu,
];

const UNKEYED: readonly (readonly [key: string, pattern: RegExp])[] = [
  ['#quoted', /["“«](?<value>[^"”»\n]{1,200})["”»]/gu],
  ['#name', /(?<value>\p{Lu}[\p{L}\p{N}'’&-]*(?: \p{Lu}[\p{L}\p{N}'’&-]*)*)/gu],
  ['#number', /(?<value>[£$€]?\d[\d.,:/-]*\d%?|[£$€]?\d%?)/gu],
];

/**
 * The slots of an input, in order. Values with a key (`key[value]`, JSON pairs, `key: value`) win; an input with fewer than two
 * of one form is read as prose, where quoted strings, spans of capitalised words and numbers are slots.
 */
export function slotsOf(input: string): Slot[] {
  for (const pattern of KEYED) {
    const slots: Slot[] = [];
    for (const { groups } of input.matchAll(pattern)) {
      const value = (groups?.value ?? groups?.bare ?? '').trim();
      if (groups?.key !== undefined && value !== '') slots.push({ key: groups.key.trim().toLowerCase(), value });
    }
    if (slots.length >= 2) return slots;
  }
  const slots: Slot[] = [];
  for (const [key, pattern] of UNKEYED) {
    for (const { groups } of input.matchAll(pattern)) {
      if (groups?.value !== undefined) slots.push({ key, value: groups.value });
    }
  }
  return slots;
}

/** An example made ready for copying: which of its slots its completion repeats word for word. */
export interface SlottedExample {
  readonly slots: readonly Slot[];
  /** One flag a slot. */
  readonly copied: readonly boolean[];
  readonly completion: string;
}

export function slotted(input: string, completion: string): SlottedExample {
  const slots = slotsOf(input);
  const lower = completion.toLowerCase();
  return { slots, completion, copied: slots.map((slot) => lower.includes(slot.value.toLowerCase())) };
}

/** The completion of an example, rewritten for another input. */
export interface Transfer {
  readonly text: string;
  /** 0 to 1: the share of the slots of both inputs that the text repeats correctly, 1 when neither has any. */
  readonly fit: number;
}

/**
 * Rewrites an example's completion for a new input: each value that was copied from the example's input is replaced by the value
 * of the new input with the same key (the n-th for the n-th). A value that was not copied (such as `yes`) fits only where both
 * inputs agree on it. All values are replaced at once, so a replacement is never replaced again.
 */
export function transfer(example: SlottedExample, slots: readonly Slot[]): Transfer {
  const replacements = new Map<string, string>();
  const used = new Set<number>();
  let fitting = 0;
  let counted = 0;
  for (const [at, slot] of example.slots.entries()) {
    const keyed = !slot.key.startsWith('#');
    const copied = example.copied[at] === true;
    // Prose is full of capitals and numbers that an answer never needed: only the copied ones count there.
    if (!keyed && !copied) continue;
    counted++;
    const match = slots.findIndex((other, position) => other.key === slot.key && !used.has(position));
    const other = slots[match];
    if (other === undefined) continue;
    used.add(match);
    if (copied || other.value === slot.value) fitting++;
    if (copied && other.value !== slot.value) replacements.set(slot.value.toLowerCase(), other.value);
  }
  const unused = slots.filter((slot, position) => !slot.key.startsWith('#') && !used.has(position)).length;
  const fit = counted + unused === 0 ? 1 : fitting / (counted + unused);
  if (replacements.size === 0) return { text: example.completion, fit };
  const longestFirst = [...replacements.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${longestFirst.map(escapeRegExp).join('|')})(?![\\p{L}\\p{N}])`,
    'giu',
  );
  return { text: example.completion.replace(pattern, (value) => replacements.get(value.toLowerCase()) ?? value), fit };
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
