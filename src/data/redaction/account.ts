import { isAlphanumeric, isDigit, type PiiSpan } from './pii.ts';

/**
 * Payment cards by the first four digits: from, to, and how many digits they have. ISO/IEC 7812; the ranges are those
 * that the networks publish (Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro, Mir, RuPay,
 * Troy).
 */
const NETWORKS: readonly (readonly [from: number, to: number, lengths: readonly number[]])[] = [
  [4000, 4999, [13, 16, 19]],
  [5100, 5599, [16]],
  [2221, 2720, [16]],
  [3400, 3499, [15]],
  [3700, 3799, [15]],
  [3000, 3059, [14, 15, 16, 17, 18, 19]],
  [3095, 3095, [14, 15, 16, 17, 18, 19]],
  [3600, 3699, [14, 15, 16, 17, 18, 19]],
  [3800, 3999, [14, 15, 16, 17, 18, 19]],
  [6011, 6011, [16, 17, 18, 19]],
  [6440, 6599, [16, 17, 18, 19]],
  [3528, 3589, [16, 17, 18, 19]],
  [6200, 6299, [16, 17, 18, 19]],
  [5000, 5099, [13, 14, 15, 16, 17, 18, 19]],
  [5600, 5899, [13, 14, 15, 16, 17, 18, 19]],
  [6300, 6399, [13, 14, 15, 16, 17, 18, 19]],
  [6700, 6799, [13, 14, 15, 16, 17, 18, 19]],
  [2200, 2204, [16, 17, 18, 19]],
  [6000, 6010, [16]],
  [8100, 8299, [16, 17, 18, 19]],
  [9792, 9792, [16]],
];
const LONGEST_CARD = 19;
/** How many digits a card can have, by its first four. */
const LENGTHS_BY_FIRST_FOUR = Array.from(
  { length: 10_000 },
  (_, first) => NETWORKS.find(([from, to]) => from <= first && first <= to)?.[2] ?? [],
);
const DOT = 46;

/** How long an IBAN of a country is: SWIFT's IBAN registry, release 100. */
const IBAN_LENGTHS = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 ' +
    'LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 ' +
    'PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/**
 * Card numbers: of a known network, with its number of digits and a valid check digit, in groups or in one. The longest counts where
 * several are possible.
 */
export function findCards(text: string): PiiSpan[] {
  const found: PiiSpan[] = [];
  for (let index = 0; index < text.length; ) {
    if (!isDigit(text.charCodeAt(index))) {
      index += 1;
      continue;
    }
    const card = isNumberStart(text, index) ? cardAt(text, index) : undefined;
    if (card) found.push(card);
    index = card?.end ?? endOfGroup(text, index);
  }
  return found;
}

/** The longest card number that starts at a digit, with a space or a hyphen between its groups. */
function cardAt(text: string, start: number): PiiSpan | undefined {
  let lengths: readonly number[] = [];
  let firstFour = 0;
  // The check digit doubles every other digit from the right: from the left, the even ones or the odd ones.
  let evenDoubled = 0;
  let oddDoubled = 0;
  let end = start;
  for (let index = start, digits = 0; digits < LONGEST_CARD; index += 1) {
    const code = text.charCodeAt(index);
    if (!isDigit(code)) {
      if (!isGroupSeparator(code) || !isDigit(text.charCodeAt(index + 1))) break;
      continue;
    }
    const digit = code - 48;
    evenDoubled += digits % 2 === 0 ? doubled(digit) : digit;
    oddDoubled += digits % 2 === 0 ? digit : doubled(digit);
    digits += 1;
    if (digits <= 4) firstFour = firstFour * 10 + digit;
    if (digits === 4) {
      lengths = LENGTHS_BY_FIRST_FOUR[firstFour] ?? [];
      if (lengths.length === 0) return undefined;
    }
    const sum = digits % 2 === 0 ? evenDoubled : oddDoubled;
    if (sum % 10 === 0 && lengths.includes(digits) && !isAlphanumeric(text.charCodeAt(index + 1))) end = index + 1;
  }
  return end === start ? undefined : { start, end, value: text.slice(start, end).replaceAll(/\D/g, '') };
}

function doubled(digit: number): number {
  return digit < 5 ? digit * 2 : digit * 2 - 9;
}

/** International bank account numbers: of a known country, with its length and valid check digits, in groups or in one. */
export function findIbans(text: string): PiiSpan[] {
  const found: PiiSpan[] = [];
  for (let index = 0; index < text.length; ) {
    // In that case an IBAN starts neither here nor at the next character.
    if (!isDigit(text.charCodeAt(index + 3)) || !isLetter(text.charCodeAt(index + 1))) {
      index += 2;
      continue;
    }
    const iban = isIbanStart(text, index) ? ibanAt(text, index) : undefined;
    if (iban) found.push(iban);
    index = iban?.end ?? index + 1;
  }
  return found;
}

/** Two letters and two digits at the beginning of a word. */
function isIbanStart(text: string, index: number): boolean {
  return (
    isDigit(text.charCodeAt(index + 2)) &&
    isDigit(text.charCodeAt(index + 3)) &&
    isLetter(text.charCodeAt(index)) &&
    isLetter(text.charCodeAt(index + 1)) &&
    !isAlphanumeric(text.charCodeAt(index - 1))
  );
}

function ibanAt(text: string, start: number): PiiSpan | undefined {
  const length = IBAN_LENGTHS.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return undefined;
  let value = '';
  let end = start;
  for (; value.length < length; end += 1) {
    const code = text.charCodeAt(end);
    if (isAlphanumeric(code)) value += text[end];
    else if (!isGroupSeparator(code) || !isAlphanumeric(text.charCodeAt(end + 1))) return undefined;
  }
  value = value.toUpperCase();
  return isAlphanumeric(text.charCodeAt(end)) || !hasIbanCheckDigits(value) ? undefined : { start, end, value };
}

/** ISO 7064, MOD 97-10, over the number with its first four characters at the end and letters as 10 to 35. */
function hasIbanCheckDigits(iban: string): boolean {
  let rest = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const number = Number.parseInt(character, 36);
    rest = (rest * (number < 10 ? 10 : 100) + number) % 97;
  }
  return rest === 1;
}

function isLetter(code: number): boolean {
  return isAlphanumeric(code) && !isDigit(code);
}

function isGroupSeparator(code: number): boolean {
  // A space, one that does not break, and a hyphen.
  return code === 32 || code === 160 || code === 45;
}

/** Not in a word, and not the digits behind a decimal point. */
function isNumberStart(text: string, index: number): boolean {
  const before = text.charCodeAt(index - 1);
  return !isAlphanumeric(before) && !(before === DOT && isDigit(text.charCodeAt(index - 2)));
}

/** The place where the digits from an index end. Digits that are spelled one by one (`4 1 1 1`) are one group. */
function endOfGroup(text: string, from: number): number {
  let end = from + 1;
  if (isDigit(text.charCodeAt(end))) {
    while (isDigit(text.charCodeAt(end))) end += 1;
    return end;
  }
  while (isGroupSeparator(text.charCodeAt(end)) && isLoneDigit(text, end + 1)) end += 2;
  return end;
}

function isLoneDigit(text: string, index: number): boolean {
  return isDigit(text.charCodeAt(index)) && !isDigit(text.charCodeAt(index + 1));
}
