import fc from 'fast-check';
import { PII_TYPES, type PiiType } from '../../../src/core/dataset/pii-type.ts';
import { Redactor } from '../../../src/data/redaction/redactor.ts';

const all = new Redactor({ types: PII_TYPES, phoneRegion: 'US' });

function redact(text: string): string {
  return all.redact([text]).texts[0] ?? '';
}

test('a value has the same placeholder in all texts of an example, however it is written', () => {
  const { texts, found } = all.redact([
    'I am Ana@example.com, (415) 555-0132, card 4111 1111 1111 1111',
    'bob@example.com wrote to ana@example.com about 4111111111111111',
    'DE89 3704 0044 0532 0130 00 = DE89370400440532013000, +14155550132',
  ]);
  expect(texts).toEqual([
    'I am [EMAIL_1], [PHONE_1], card [CARD_1]',
    '[EMAIL_2] wrote to [EMAIL_1] about [CARD_1]',
    '[IBAN_1] = [IBAN_1], [PHONE_1]',
  ]);
  expect(found).toEqual({ email: 2, phone: 1, card: 1, iban: 1 });
});

test('placeholders count from 1 in every example', () => {
  expect(redact('a@example.com')).toBe('[EMAIL_1]');
  expect(redact('b@example.com')).toBe('[EMAIL_1]');
});

test('without types nothing changes', () => {
  const texts = ['a@example.com'];
  expect(new Redactor({ types: [], phoneRegion: 'US' }).redact(texts)).toEqual({ texts, found: {} });
});

test('only the types asked for are replaced', () => {
  const redactor = new Redactor({ types: ['ip'], phoneRegion: 'US' });
  expect(redactor.redact(['a@example.com at 192.0.2.1'])).toEqual({
    texts: ['a@example.com at [IP_1]'],
    found: { ip: 1 },
  });
});

test('existing placeholders stay, and their numbers are not given again', () => {
  const { texts, found } = all.redact([
    '[EMAIL_1] and a@example.com',
    '[EMAIL_3], b@example.com, c@example.com [CARD_1]',
  ]);
  expect(texts).toEqual(['[EMAIL_1] and [EMAIL_2]', '[EMAIL_3], [EMAIL_4], [EMAIL_5] [CARD_1]']);
  expect(found).toEqual({ email: 3 });
});

test.each([
  ['4111111111111111@example.com', '[EMAIL_1]'],
  ['DE89 3704 0044 0532 0130 00', '[IBAN_1]'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2stcHJvai0xMjM0', '[JWT_1]'],
  ['::ffff:192.0.2.1', '[IP_1]'],
  ['+1 415 555 0132 4111 1111 1111 1111', '[PHONE_1] [CARD_1]'],
  ['+1 415 555 4111 1111 1111 1111', '+1 415 555 [CARD_1]'],
])('the longest of the overlapping finds in %j counts', (text, expected) => {
  expect(redact(text)).toBe(expected);
});

describe('what somebody else found', () => {
  test('a foreign find gets placeholders by its own name, beside those of the redactor', () => {
    const texts = ['Ana Day, ana@example.com', 'ana day wrote'];
    const { texts: clean, found } = all.redact(texts, [
      [{ type: 'PERSON', start: 0, end: 7 }],
      [{ type: 'PERSON', start: 0, end: 7 }],
    ]);
    expect(clean).toEqual(['[PERSON_1], [EMAIL_1]', '[PERSON_1] wrote']);
    expect(found).toEqual({ person: 1, email: 1 });
  });

  test('a foreign find shares the numbers of a type that the redactor has too', () => {
    const clean = all.redact(['a@example.com or b at example.com'], [[{ type: 'email', start: 17, end: 33 }]]);
    expect(clean).toEqual({ texts: ['[EMAIL_1] or [EMAIL_2]'], found: { email: 2 } });
  });

  test('a foreign find is replaced in part where a longer find covers a part of it', () => {
    const text = 'Ana Day ana@example.com Bo';
    const clean = all.redact(
      [text],
      [
        [
          { type: 'PERSON', start: 0, end: 11 },
          { type: 'PERSON', start: 4, end: 26 },
        ],
      ],
    );
    expect(clean.texts).toEqual(['[PERSON_1] [PERSON_2]']);
    const shorter = all.redact([text], [[{ type: 'PERSON', start: 0, end: 11 }]]);
    expect(shorter.texts).toEqual(['[PERSON_1] [EMAIL_1] Bo']);
  });

  test('a foreign find has a name that a placeholder can have', () => {
    const clean = all.redact(
      ['x y'],
      [
        [
          { type: 'us ssn-2]', start: 0, end: 1 },
          { type: '1st', start: 2, end: 3 },
        ],
      ],
    );
    expect(clean.texts).toEqual(['[US_SSN_2__1] [X1ST_1]']);
    expect(all.redact(clean.texts).texts).toEqual(clean.texts);
  });
});

const PIECES = fc.constantFrom(
  'a@example.com',
  'B@EXAMPLE.com',
  '@',
  '.',
  ' ',
  '-',
  '/',
  '(',
  ')',
  '+',
  '+1 415 555 0132',
  '(415) 555-0132',
  '4155550132',
  '030 23125123',
  '4111 1111 1111 1111',
  '378282246310005',
  '4',
  '12',
  '415',
  '0',
  'DE89 3704 0044 0532 0130 00',
  'GB82WEST12345698765432',
  'DE',
  '192.0.2.1',
  '2001:db8::1',
  ':',
  '::',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
  'eyJ',
  'sk-canary7f3a9c',
  'sk-',
  '[EMAIL_1]',
  '[PHONE_2]',
  '[CARD_',
  '1]',
  '[',
  ']',
  '_',
  ',',
  'é',
  '公司',
  '😀',
  '\n',
  'word',
);
const TEXTS = fc.array(
  fc.array(PIECES, { maxLength: 14 }).map((pieces) => pieces.join('')),
  { maxLength: 3 },
);

test.each(['US', 'DE', 'DK'])('a second redaction changes nothing (%s)', (phoneRegion) => {
  const redactor = new Redactor({ types: PII_TYPES, phoneRegion });
  fc.assert(
    fc.property(TEXTS, (texts) => {
      const once = redactor.redact(texts);
      expect(redactor.redact(once.texts)).toEqual({ texts: once.texts, found: {} });
    }),
    { numRuns: 3000 },
  );
});

test('text outside of placeholders stood in the original text, in the same order', () => {
  fc.assert(
    fc.property(TEXTS, (texts) => {
      all.redact(texts).texts.forEach((clean, index) => {
        let from = 0;
        for (const kept of clean.split(/\[[A-Z]+_\d+\]/)) {
          const at = (texts[index] ?? '').indexOf(kept, from);
          expect(at).toBeGreaterThanOrEqual(from);
          from = at + kept.length;
        }
      });
    }),
    { numRuns: 2000 },
  );
});

const digits = (length: number) => fc.array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length });
const word = (characters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength, maxLength });
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

/** Valid values, made by the rules of their standards and not by the redactor's. */
const VALUES: Record<PiiType, fc.Arbitrary<string>> = {
  email: fc
    .tuple(
      word(`${LOWER}0123456789`, 1, 20),
      word(LOWER, 1, 20),
      fc.constantFrom('com', 'example', 'co.uk', 'xn--p1ai'),
    )
    .map(([local, domain, top]) => `${local}@${domain}.${top}`),
  phone: fc
    .tuple(
      fc.constantFrom('212', '415', '617', '808'),
      fc.integer({ min: 100, max: 199 }),
      fc.constantFrom('-', ' ', '.'),
    )
    .map(([area, line, separator]) => [area, '555', `0${line}`].join(separator)),
  card: fc
    .tuple(fc.constantFrom('4242', '5105', '2720', '6011', '3566'), digits(11), fc.constantFrom('', ' ', '-'))
    .map(([start, rest, separator]) => {
      const body = start + rest.join('');
      return (body + luhnDigit(body)).replaceAll(/(.{4})(?=.)/g, `$1${separator}`);
    }),
  iban: fc
    .tuple(fc.constantFrom('DE', 'GB'), digits(18), fc.constantFrom('', ' '))
    .map(([country, rest, separator]) => {
      const body = country === 'GB' ? `WEST${rest.slice(4).join('')}` : rest.join('');
      return (country + ibanCheck(country, body) + body).replaceAll(/(.{4})(?=.)/g, `$1${separator}`);
    }),
  ip: fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::8a2e:370:7334', 'fe80::1ff:fe23:4567:890a')),
  jwt: fc
    .tuple(word(BASE64, 8, 60), word(BASE64, 8, 60), word(BASE64, 8, 60))
    .map(([head, body, signature]) => `eyJ${head}.eyJ${body}.${signature}`),
  key: fc
    .tuple(fc.constantFrom('sk-', 'glpat-', 'xai-'), word(BASE64, 20, 40))
    .map(([prefix, rest]) => `${prefix}${rest}7`),
};

function luhnDigit(body: string): number {
  const sum = [...body].reverse().reduce((total, digit, index) => {
    const number = Number(digit) * (index % 2 === 0 ? 2 : 1);
    return total + (number > 9 ? number - 9 : number);
  }, 0);
  return (10 - (sum % 10)) % 10;
}

function ibanCheck(country: string, body: string): string {
  const numbers = [...`${body}${country}00`].map((character) => Number.parseInt(character, 36)).join('');
  return String(98n - (BigInt(numbers) % 97n)).padStart(2, '0');
}

test.each(PII_TYPES)('no valid %s survives in a sentence, and the words around it do', (type) => {
  const words = fc.array(fc.constantFrom('my', 'new', 'one', 'is', 'été', '請', 'to:', '(', '😀', 'and,'), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(words, VALUES[type], words, fc.constantFrom('', '.', ',', '!', ')'), (before, value, after, mark) => {
      const head = before.map((part) => `${part} `).join('');
      const tail = `${mark} ${after.join(' ')}`;
      const clean = redact(head + value + tail);
      expect(clean).toBe(`${head}[${type.toUpperCase()}_1]${tail}`);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  'a@',
  '1',
  '+',
  '1-',
  '4-',
  '0 ',
  'eyJ',
  'eyJaaaaaaaa.',
  ':',
  'a1::',
  '(',
  '((',
  '1.',
  'DE12 ',
  '@a.',
  '[A',
  'sk-',
])('F52 an address behind a megabyte of %j is found, and nothing else is', (part) => {
  const text = part.repeat(1_000_000 / part.length);
  const { texts } = new Redactor({ types: ['email', 'card', 'iban', 'key'], phoneRegion: 'US' }).redact([
    `${text} ana@example.com`,
  ]);
  expect(texts).toEqual([`${text} [EMAIL_1]`]);
  expect(all.redact([`${text} ana@example.com`]).texts[0]?.endsWith('[EMAIL_1]')).toBe(true);
});

test('a text with too many numbers has every possible phone number replaced from some place on', () => {
  const text = `${'223-155-0132 '.repeat(5000)}415-555-0132`;
  const once = redact(text);
  expect(once.startsWith('223-155-0132 223-155-0132 ')).toBe(true);
  expect(once.slice(text.length / 10)).not.toMatch(/\d{3}-\d{3}/);
  expect(redact(once)).toBe(once);
});

test('no phone number stays in a text with many of them', () => {
  const numbers = Array.from(
    { length: 3000 },
    (_, index) => `415-55${String(10000 + index).replace(/(\d)(\d{4})/, '$1-$2')}`,
  );
  const once = redact(numbers.join('\n'));
  expect(once).not.toMatch(/\d{3}-\d{3}-\d{4}/);
  expect(redact(once)).toBe(once);
});
