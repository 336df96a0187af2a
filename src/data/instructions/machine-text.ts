const MONTHS =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?' +
  '|januar|februar|märz|mai|juni|juli|oktober|dezember';
const DAYS =
  '(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag';
const NUMERIC = String.raw`\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})`;
const TIME = String.raw`t?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:z|[+-]\d{2}:?\d{2})?`;
const WORD = String.raw`(?:${DAYS}|${MONTHS}|(?:${NUMERIC})(?:${TIME})?|${TIME}|\d{1,2}(?:st|nd|rd|th)?|\d{4}|[ap]\.?m\.?|utc|gmt|z|at|of|the|um|uhr)`;
const GAP = String.raw`[\s,.]{1,3}`;
const DATE = new RegExp(`^${WORD}(?:${GAP}${WORD}){0,9}[.,]?$`, 'iu');
const DATED = new RegExp(String.raw`${NUMERIC}|\d:\d|(?<!\p{L})(?:${MONTHS})(?!\p{L})`, 'iu');
const LONGEST_DATE = 60;
const WORDS_AT_START = new RegExp(String.raw`^(?:${GAP}${WORD}){1,5}(?![\p{L}\p{N}])`, 'iu');
const WORDS_AT_END = new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${WORD}${GAP}){1,5}$`, 'iu');

/** Whether a text is a date, a time, or both, without other words; in English, German or figures. */
export function isDate(text: string): boolean {
  return text.length <= LONGEST_DATE && DATED.test(text) && DATE.test(text);
}

/** How much of the text before and after a part of dates belongs to them too, such as a common year. */
export function dateAround(before: string, after: string): { before: number; after: number } {
  return {
    before: WORDS_AT_END.exec(before.slice(-LONGEST_DATE))?.[0].length ?? 0,
    after: WORDS_AT_START.exec(after.slice(0, LONGEST_DATE))?.[0].length ?? 0,
  };
}

const UUID = /^\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;
/** A long number, hex digits, or letters with at least three digits behind them, such as `TCK-20417`. */
const TOKEN =
  /^[#@]?(?=[^\s]{5,80}$)(?=.*\d)(?:\d{5,}|[0-9a-f]{8,}|[A-Za-z]{1,12}[-_/#:]?(?=[\w-]*\d[\w-]*\d[\w-]*\d)[\w-]{3,})$/;

/** Whether a text is a single word that a program has made up: a UUID, a hash, a ticket number. */
export function isToken(text: string): boolean {
  return UUID.test(text) || TOKEN.test(text);
}
