import fc from 'fast-check';
import { LONGEST_LINE, readJsonLine } from '../../src/sources/json-line.ts';

const read = (text: string | Uint8Array, first = false) => readJsonLine(Buffer.from(text), first);
const object = '{"prompt":"hello","completion":"yes"}';
const value = { prompt: 'hello', completion: 'yes' };

describe('a line', () => {
  test('a line of JSON is its value', () => {
    expect(read(object)).toEqual({ value, issues: [] });
    expect(read(` ${object}\t`)).toEqual({ value, issues: [] });
  });

  test('a line that ends in CR is read without it, and notes that', () => {
    expect(read(`${object}\r`)).toEqual({ value, issues: ['crlf'] });
  });

  test('the first line may begin with a byte order mark, and notes that', () => {
    expect(read(`\ufeff${object}\r`, true)).toEqual({ value, issues: ['byte-order-mark', 'crlf'] });
    expect(read(`\ufeff${object}`)).toEqual({ refused: 'broken-json' });
  });

  test.each(['', ' ', '\t \r', '\r'])('a line of white space alone is blank: %j', (text) => {
    expect(read(text)).toEqual({ refused: 'blank-line' });
    expect(read(`\ufeff${text}`, true)).toEqual({ refused: 'blank-line' });
  });

  test('a line over 100 kB is noted, over 10 MB refused', () => {
    const ofLength = (length: number) => `"${'a'.repeat(length - 2)}"`;
    expect(read(ofLength(100_000))).toMatchObject({ issues: [] });
    expect(read(ofLength(100_001))).toMatchObject({ issues: ['large-row'] });
    expect(read(ofLength(LONGEST_LINE))).toMatchObject({ issues: ['large-row'] });
    expect(read(ofLength(LONGEST_LINE + 1))).toEqual({ refused: 'too-large' });
  });

  test.each<[string, number[]]>([
    ['a lone byte', [0x22, 0xff, 0x22]],
    ['a cut character', [0x22, 0xf0, 0x9f, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['UTF-16 with its mark', [0xff, 0xfe, ...Buffer.from(object, 'utf16le')]],
  ])('a line that is not strict UTF-8 is refused: %s', (_name, bytes) => {
    expect(read(Uint8Array.from(bytes))).toEqual({ refused: 'not-utf8' });
  });

  test.each([
    ['a file that was cut off by a crash', '\0\0\0\0'],
    ['a string', '{"prompt":"a\0b"}'],
    ['UTF-16 without a mark', Buffer.from(object, 'utf16le').toString()],
  ])('a line with NUL bytes is refused: %s', (_name, text) => {
    expect(read(text)).toEqual({ refused: 'nul-character' });
  });

  test.each([
    '{',
    '{"a":1',
    'hello',
    "{'a':1}",
    '{"a":1},',
    '{"a":1} hello',
    '{"a":b}{"c":1}',
    '[1,]',
    '"',
    '{"a":"b}',
    '"\\',
    '}{',
    '1 2',
  ])('a line of broken JSON is refused: %j', (text) => {
    expect(read(text)).toEqual({ refused: 'broken-json' });
  });

  test.each([`${object}${object}`, `${object} ${object}`, `${object}{`, '[1][2]', '{"a":"}{"}[]'])(
    'a line of several values is refused: %j',
    (text) => {
      expect(read(text)).toEqual({ refused: 'several-values' });
    },
  );

  test.each(['{"a":NaN}', '{"a":-Infinity}', '[Infinity,"NaN"]', 'NaN'])(
    'a line with a number that JSON lacks is refused: %s',
    (text) => {
      expect(read(text)).toEqual({ refused: 'nan' });
    },
  );

  test('a line with a number that JSON lacks and another fault is broken', () => {
    expect(read('{"a":NaN')).toEqual({ refused: 'broken-json' });
    expect(read('{"NaN":1')).toEqual({ refused: 'broken-json' });
    expect(read('{"a":NaNs}')).toEqual({ refused: 'broken-json' });
  });

  test('a line may speak of NaN in its texts', () => {
    expect(read('{"NaN":"-Infinity"}')).toEqual({ value: { NaN: '-Infinity' }, issues: [] });
  });

  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"b":{"c":1,"c":1}}',
    '[{"a":1},{"a":[{"b":1,"b":2}]}]',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
    '{"1":1,"1":2}',
  ])('a line with a key twice in an object is refused: %s', (text) => {
    expect(read(text)).toEqual({ refused: 'duplicate-key' });
  });

  test('a line may have the same key in different objects, and colons and quotes in its texts', () => {
    const text = '{"a":{"a":"\\":\\"a\\":"},"b":[{"a":":"},{"a":"\\\\"}],"__proto__":{"a":1}}';
    expect(read(text)).toEqual({ value: JSON.parse(text), issues: [] });
  });

  test('a line may be nested 32 levels deep, not more', () => {
    const nested = (depth: number) => '{"a":'.repeat(depth - 1).concat('[]', '}'.repeat(depth - 1));
    expect(read(nested(32))).toMatchObject({ issues: [] });
    expect(read(nested(33))).toEqual({ refused: 'too-deep' });
    expect(read('['.repeat(4_000_000) + ']'.repeat(4_000_000))).toEqual({ refused: 'too-deep' });
    expect(read('{"a":'.repeat(100_000))).toEqual({ refused: 'too-deep' });
  });

  test('a line may hold any number of objects side by side', () => {
    expect(read(JSON.stringify(Array(100).fill({ a: [] })))).toMatchObject({ issues: [] });
  });

  test('a line may hold any number of brackets in its texts', () => {
    expect(read(JSON.stringify({ a: '[{'.repeat(100) }))).toMatchObject({ issues: [] });
  });
});

const json = fc.jsonValue({ maxDepth: 8 });

test('any JSON value is read back equal, with no issue', () => {
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 1, '\t'), (any, space) => {
      const text = JSON.stringify(any, null, space).replaceAll('\n', ' ');
      expect(read(text)).toEqual({ value: JSON.parse(text), issues: [] });
    }),
  );
});

test('line breaks of both kinds may be mixed, and each CR is noted', () => {
  const lines = fc.array(fc.tuple(json, fc.boolean()), { minLength: 1 });
  fc.assert(
    fc.property(lines, (written) => {
      const file = written.map(([any, crlf]) => `${JSON.stringify(any)}${crlf ? '\r' : ''}\n`).join('');
      const results = file
        .slice(0, -1)
        .split('\n')
        .map((line) => read(line));
      expect(results).toEqual(
        written.map(([any, crlf]) => ({ value: JSON.parse(JSON.stringify(any)), issues: crlf ? ['crlf'] : [] })),
      );
    }),
  );
});

test('any bytes are a value or are refused', () => {
  const pieces = fc.array(
    fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', ' ', '\r', '\0', 'NaN', 'é', '\u2028'),
  );
  const bytes = fc.oneof(
    fc.uint8Array(),
    pieces.map((texts) => Buffer.from(texts.join(''))),
  );
  fc.assert(
    fc.property(bytes, fc.boolean(), (any, first) => {
      const result = read(any, first);
      expect('refused' in result || 'value' in result).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('objects with the same key twice are found wherever they are', () => {
  const key = fc.constantFrom('a', 'b', 'c', '__proto__', '\u2028', '"', '\\', ':', '1', '');
  const { node } = fc.letrec<{ node: Written }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<Written>('1', '":"', '"{\\"a\\":1,\\"a\\":2}"', 'null'),
      fc.array(fc.tuple(key, tie('node')), { maxLength: 4 }).map((members) => ({ members })),
      fc.array(tie('node'), { maxLength: 3 }).map((items) => ({ items })),
    ),
  }));
  fc.assert(
    fc.property(node, (any) => {
      const result = read(textOf(any));
      expect(result).toEqual(
        repeatsKey(any) ? { refused: 'duplicate-key' } : { value: JSON.parse(textOf(any)), issues: [] },
      );
    }),
    { numRuns: 1000 },
  );
});

/** A value as it is written. */
type Written = string | { members: [string, Written][] } | { items: Written[] };

function textOf(written: Written): string {
  if (typeof written === 'string') return written;
  if ('items' in written) return `[${written.items.map(textOf).join(',')}]`;
  return `{${written.members.map(([key, value]) => `${JSON.stringify(key)}: ${textOf(value)}`).join(', ')}}`;
}

function repeatsKey(written: Written): boolean {
  if (typeof written === 'string') return false;
  if ('items' in written) return written.items.some(repeatsKey);
  const keys = written.members.map(([key]) => key);
  return new Set(keys).size < keys.length || written.members.some(([, value]) => repeatsKey(value));
}
