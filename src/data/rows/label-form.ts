const PADDING = [
  /^```[a-z]*\s(.*)```$/is,
  /^\*\*(.+)\*\*$/s,
  /^(["'`])(.+)\1$/s,
  /^[“„«‘「『](.+)[”“»’」』]$/s,
  // The full stops of Latin, Chinese, Devanagari, Urdu, Armenian and Ethiopic.
  /^(.*[^.。．｡।۔։።])[.。．｡।۔։።]$/s,
];
const MOST_LAYERS = 4;
/** Zero-width characters, direction marks, soft hyphens and byte order marks: nobody sees them. */
const UNSEEN =
  /[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]|(?:^|\s)[\u200c\u200d]+|[\u200c\u200d]+(?=\s|$)/gu;

/** An answer without unseen characters, white space, quotes, a code fence, bold type and a full stop around it, in any order. */
export function bareLabel(answer: string): string {
  let label = answer.replace(UNSEEN, '').normalize('NFC').trim();
  for (let layer = 0; layer < MOST_LAYERS; layer += 1) {
    const inner = PADDING.reduce((text, padding) => padding.exec(text)?.at(-1)?.trim() || text, label);
    if (inner === label) break;
    label = inner;
  }
  return label;
}

/** A label without its capitals. */
export function foldedLabel(label: string): string {
  return label.normalize('NFC').toLowerCase();
}

/** Equal for labels that differ in capitals and in the separators between their words alone. */
export function spellingKey(label: string): string {
  return foldedLabel(bareLabel(label))
    .replace(/[\s_-]+/gu, ' ')
    .trim();
}

/** JSON by value: without white space, with keys in order. Undefined for a text that is no JSON object or list. */
export function jsonLabel(label: string): string | undefined {
  if (!/^[{[]/.test(label)) return undefined;
  try {
    return JSON.stringify(inOrder(JSON.parse(label)));
  } catch {
    return undefined;
  }
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, inOrder(each)]),
  );
}
