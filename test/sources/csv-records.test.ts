import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { csvFields, splitCsv } from '../../src/sources/containers/csv-records.ts';

/** Fields of all sound records, null for others, of a text that comes in pieces. */
async function read(text: string, cuts: readonly number[] = [], longest = 1000): Promise<(string[] | null)[]> {
  const bytes = Buffer.from(text);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  async function* chunks() {
    let from = 0;
    for (const to of ends) {
      yield bytes.subarray(from, to);
      from = to;
    }
  }
  const records: (string[] | null)[] = [];
  for await (const { bytes: raw, sound } of splitCsv(chunks(), longest)) {
    records.push(sound && raw ? csvFields(raw.toString('utf8').replace(/\r$/, '')) : null);
  }
  return records;
}

const cuts = fc.array(fc.nat(), { maxLength: 5 });

test('written CSV is read back, in any pieces', async () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', '€'), maxLength: 8 }),
  );
  const lineEnd = fc.constantFrom('\n', '\r\n');
  const quote = (text: string, always: boolean) =>
    always || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(
          field.map((text) => text.toWellFormed()),
          { minLength: 2, maxLength: 4 },
        ),
        { maxLength: 6 },
      ),
      lineEnd,
      fc.boolean(),
      cuts,
      async (records, end, always, pieces) => {
        const text = records.map((fields) => fields.map((each) => quote(each, always)).join(',') + end).join('');
        expect(await read(text, pieces)).toEqual(records);
      },
    ),
  );
});

test('any text is read as csv-parse reads it where that finds no fault', async () => {
  const text = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r\n', 'a', 'b'), maxLength: 30 });
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(text, cuts, async (csv, pieces) => {
      const found = await read(csv, pieces);
      let expected: string[][];
      try {
        expected = parse(csv, { record_delimiter: ['\n', '\r\n'], relax_column_count: true });
      } catch {
        return;
      }
      compared += 1;
      expect(found).toEqual(expected);
    }),
    { numRuns: 2000 },
  );
  expect(compared).toBeGreaterThan(200);
});

test('after a record whose quotes are wrong, the next line is read', async () => {
  expect(await read('a,b\n"x"y,2\nc,d\nx"y,2\ne,f\n')).toEqual([['a', 'b'], null, ['c', 'd'], null, ['e', 'f']]);
});

test('a record that is too long is passed over to its end, quoted line ends included', async () => {
  const long = `"${'x\n'.repeat(50)}",1`;
  expect(await read(`a,b\n${long}\nc,d\n`, [20, 40, 60], 60)).toEqual([['a', 'b'], null, ['c', 'd']]);
});
