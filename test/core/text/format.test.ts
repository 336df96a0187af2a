import fc from 'fast-check';
import {
  durationText,
  escapeMarkdown,
  millisecondsText,
  percentText,
  plainLine,
  plainText,
  pValueText,
  savingText,
  scoreText,
  signedPoints,
  usdText,
} from '../../../src/core/text/format.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('|', '\\', '\n', '\r', '`', '*', '[', ']', '<', '>', '#', ' ', '\u2028', 'a') }),
);

test('a share is a percentage with one decimal', () => {
  expect(percentText(0.9137)).toBe('91.4 %');
  expect(percentText(0)).toBe('0.0 %');
  expect(percentText(1)).toBe('100.0 %');
});

test.each([
  [0, '$0'],
  [12.34, '$12.34'],
  [1, '$1.00'],
  [1234.5, '$1234.50'],
  [0.5, '$0.500'],
  [0.0123, '$0.0123'],
  [0.00000123, '$0.00000123'],
])('%p USD keeps the digits that tell it from others: %s', (usd, text) => {
  expect(usdText(usd)).toBe(text);
});

test('an amount from a millionth of a cent up never reads as nothing, and reads back within half a percent', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-7, max: 1e6, noNaN: true }), (usd) => {
      const read = Number(usdText(usd).slice(1));
      expect(read).toBeGreaterThan(0);
      expect(Math.abs(read - usd) / usd).toBeLessThanOrEqual(0.0051);
    }),
  );
});

test.each([
  [0.04, '0.0 ms'],
  [9.96, '10.0 ms'],
  [99.94, '99.9 ms'],
  [100, '100 ms'],
  [1834.6, '1835 ms'],
])('%p ms reads %s', (ms, text) => {
  expect(millisecondsText(ms)).toBe(text);
});

test.each([
  [0, '< 1 s'],
  [41.6, '42 s'],
  [59.7, '1 min 00 s'],
  [185, '3 min 05 s'],
  [3599.6, '1 h 00 min'],
  [4320, '1 h 12 min'],
])('%p seconds read %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

test.each([
  [93.21, '93.2 % cheaper'],
  [0, '0.0 % cheaper'],
  [99.9, '99.9 % cheaper'],
  [-12, '12.0 % dearer'],
])('a saving of %p percent reads %s', (percent, text) => {
  expect(savingText(percent)).toBe(text);
});

test('a saving never reads as 100 %: the winner is not free', () => {
  fc.assert(
    fc.property(fc.double({ min: 99, max: 100, noNaN: true }), (percent) => {
      expect(savingText(percent)).not.toContain('100');
    }),
  );
});

/** The cells of a row of a Markdown table: pipes split it, unless an odd number of backslashes stands before them. */
function cellsOf(row: string): number {
  const pipes = [...row.matchAll(/(\\*)\|/g)].filter(([, slashes = '']) => slashes.length % 2 === 0);
  return pipes.length - 1;
}

test('escaped text never adds a cell or a line to a table, whatever it holds', () => {
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 4 }), (texts) => {
      const row = `| ${texts.map(escapeMarkdown).join(' | ')} |`;
      expect(row).not.toMatch(/[\r\n\u2028\u2029]/);
      expect(cellsOf(row)).toBe(texts.length);
    }),
    { numRuns: 500 },
  );
});

test('escaped text opens no tag, link, code or emphasis', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const rest = escapeMarkdown(text).replace(/\\[\\`*_[\]<>|#]/g, '');
      expect(rest).not.toMatch(/[\\`*_[\]<>|#]/);
    }),
    { numRuns: 500 },
  );
  expect(escapeMarkdown('<img src=x onerror=alert(1)> [a](b) `c` | d')).toBe(
    '\\<img src=x onerror=alert(1)\\> \\[a\\](b) \\`c\\` \\| d',
  );
});

test('escaping changes only signs and white space', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(escapeMarkdown(text).replace(/\\([\\`*_[\]<>|#])/g, '$1')).toBe(text.replace(/\s+/g, ' '));
    }),
  );
  expect(escapeMarkdown('plain words, 42 %')).toBe('plain words, 42 %');
});

test('plain text holds no character that drives a terminal', () => {
  expect(plainText('\u001b[31mred\u001b[0m \u001b]0;title\u0007x\u009b2J')).toBe('[31mred[0m ]0;titlex2J');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // Only tab and line feed stay of the control characters.
      expect(plainText(text)).not.toMatch(/[^\P{Cc}\t\n]/u);
    }),
    { numRuns: 1000 },
  );
});

test('plain text cannot be reversed: no bidirectional control stays', () => {
  const bidi = '\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069';
  expect([...plainText(bidi)]).toEqual([]);
  expect(plainText('user\u202egnp.exe')).toBe('usergnp.exe');
});

test('a plain line is plain text without a line break', () => {
  expect(plainLine(' gpt\r\n\u001b[31m4o\t ')).toBe('gpt [31m4o');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(plainLine(text)).not.toMatch(/\p{Cc}|\p{Bidi_Control}|[\u2028\u2029]/u);
    }),
    { numRuns: 1000 },
  );
});

test('plain text keeps letters of every language, tabs and line breaks', () => {
  const text = 'Grüße,\t日本語 שלום 👍🏽\nline 2';
  expect(plainText(text)).toBe(text);
});

test.each([
  [0.816, null, '81.6 %'],
  [0.816, { low: 0.714, high: 0.887 }, '81.6 % [71.4, 88.7]'],
])('a score of %d has its interval behind it, where there is one', (score, interval, text) => {
  expect(scoreText(score, interval)).toBe(text);
});

test.each([
  [0.00742, '0.0074'],
  [1, '1'],
  [0.0001, '0.0001'],
  [0.000099, '< 0.0001'],
])('a p-value of %d is written %s', (p, text) => {
  expect(pValueText(p)).toBe(text);
});

test.each([
  [0.0137, '+1.4'],
  [-0.25, '-25.0'],
  [-0.0001, '0.0'],
])('a difference of %d is %s points', (difference, text) => {
  expect(signedPoints(difference)).toBe(text);
});
