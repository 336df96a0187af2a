import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { readSheet, SHEET_COLUMNS, SHEET_HEAD, type SheetRow, sheetLine } from '../../../src/data/labels/sheet.ts';

const EMPTY = Object.fromEntries(SHEET_COLUMNS.map((column) => [column, ''])) as SheetRow;

const sheetOf = (...rows: Partial<SheetRow>[]) =>
  SHEET_HEAD + rows.map((row) => sheetLine({ ...EMPTY, ...row })).join('');
const read = (text: string) => readSheet(Buffer.from(text), 'a.csv');

/** Text as hostile as CSV and spreadsheets can be given it. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '=',
        '+',
        '-',
        '@',
        '\t',
        '\r',
        '\n',
        '\r\n',
        ',',
        ';',
        '"',
        "'",
        ' ',
        'a',
        '＝',
        'ß',
        '🦊',
        '\ufeff',
      ),
    )
    .map((parts) => parts.join('')),
);

test('any text comes back as it was written', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ id: hostile, actual: hostile.filter((text) => text.trim() !== ''), input: hostile, note: hostile }),
      ),
      (rows) => {
        expect(read(sheetOf(...rows)).map(({ id, actual }) => ({ id, actual }))).toEqual(
          rows.map(({ id, actual }) => ({ id, actual })),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test('F51 no cell begins like a formula, whichever list separator a spreadsheet takes', () => {
  fc.assert(
    fc.property(hostile, hostile, (input, completion) => {
      const line = sheetLine({ ...EMPTY, input, completion });
      const [meant = []] = parse(line);
      for (const cell of meant) expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
      // By another separator: then the first quotes close before our own comma, and the others are part of the text.
      const mistaken = line.split(/[;\t\r\n]/).slice(1);
      for (const cell of mistaken) expect(cell).not.toMatch(/^"*[=+\-@＝＋－＠]/);
    }),
    { numRuns: 2000 },
  );
});

test.each(['=HYPERLINK("http://a")', '+1', '-1', '@sum', '\t=1', '\r=1', "'=1"])(
  'F51 %j gets an apostrophe, which reading removes',
  (text) => {
    expect(sheetLine({ ...EMPTY, id: text })).toContain(`"'${text.slice(0, 1)}`);
    expect(read(sheetOf({ id: text, actual: 'a' }))).toEqual([{ line: 2, id: text, actual: 'a' }]);
  },
);

test('a sheet begins with a byte order mark and has the columns that the documentation names', () => {
  expect(SHEET_HEAD).toBe('\ufeffid,reason,input,completion,suggestion,actual,note\r\n');
});

describe('a sheet that a spreadsheet has saved', () => {
  test.each([
    ['semicolons and a byte order mark', '\ufeffid;reason;actual\r\n1;x,y;refund\r\n'],
    ['tabs', 'id\treason\tactual\n1\tx\trefund\n'],
    ['other columns first, quotes everywhere', '"note","actual","id"\n"","refund","1"'],
    ['CR line ends', 'id,actual\r1,refund\r'],
  ])('a sheet that a spreadsheet has saved with %s is read', (_name, text) => {
    expect(read(text)).toEqual([{ line: 2, id: '1', actual: 'refund' }]);
  });

  test('a saved sheet gives the line on which each row begins, after cells of several lines and empty rows', () => {
    const text = 'id,input,actual\n1,"a\nb\nc",x\n\n,,\n2,d,\n3,"e\nf",y\n';
    expect(read(text)).toEqual([
      { line: 2, id: '1', actual: 'x' },
      { line: 8, id: '3', actual: 'y' },
    ]);
  });

  test('a saved sheet keeps line breaks within an answer', () => {
    expect(read('id,actual\r\n1,"a\r\nb\nc"\r\n')).toEqual([{ line: 2, id: '1', actual: 'a\r\nb\nc' }]);
  });
});

describe('an unreadable sheet is refused with file and line, and without its content', () => {
  test.each([
    [
      'a quote that is not closed',
      Buffer.from('id,actual\n1,"secret'),
      /^a\.csv:\d: is not CSV \(CSV_QUOTE_NOT_CLOSED\)/,
    ],
    ['a quote in the middle', Buffer.from('id,actual\n1,"sec"ret\n'), /^a\.csv:2: is not CSV/],
    ['no column actual', Buffer.from('id,answer\n1,secret\n'), /^a\.csv:1: the first line must name the columns/],
    ['nothing', Buffer.from(''), /^a\.csv:1: the first line must name/],
    ['Windows-1252', Buffer.from([0x69, 0x64, 0x2c, 0xe4]), /^a\.csv is not UTF-8: save it as "CSV UTF-8"/],
    ['UTF-16', Buffer.from('\ufeffid,actual\n', 'utf16le'), /^a\.csv is not UTF-8/],
  ])('%s', (_name, bytes, message) => {
    expect(() => readSheet(bytes, 'a.csv')).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => readSheet(bytes, 'a.csv')).toThrow(message);
    expect(() => readSheet(bytes, 'a.csv')).not.toThrow(/sec/);
  });
});
