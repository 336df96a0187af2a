import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { readLines } from '../../src/stores/lines.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const file = path.join(folder, 'lines');

async function lines(bytes: string | Uint8Array): Promise<string[]> {
  writeFileSync(file, bytes);
  const read: string[] = [];
  for await (const line of readLines(file)) read.push(line.toString('latin1'));
  return read;
}

test.each([
  ['an empty file has no line', '', []],
  ['the last line may lack its line feed', 'a\nb', ['a', 'b']],
  ['a line feed at the end begins no line', 'a\nb\n', ['a', 'b']],
  ['empty lines are lines', '\n\na\n\n', ['', '', 'a', '']],
  ['a carriage return belongs to its line', 'a\r\nb\r', ['a\r', 'b\r']],
])('%s', async (_rule, text, expected) => {
  expect(await lines(text)).toEqual(expected);
});

test.each([
  ['line separator', '\u2028'],
  ['paragraph separator', '\u2029'],
  ['next line', '\u0085'],
  ['form feed', '\f'],
])('a %s does not end a line', async (_name, character) => {
  writeFileSync(file, `a${character}b\nc\n`);
  const read: string[] = [];
  for await (const line of readLines(file)) read.push(line.toString('utf8'));
  expect(read).toEqual([`a${character}b`, 'c']);
});

test('any bytes are split at line feeds alone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      expect(await lines(bytes)).toEqual(text === '' ? [] : text.replace(/\n$/, '').split('\n'));
    }),
  );
});

test('lines that cross or fill the chunks in which a file is read stay whole', async () => {
  const chunk = 1 << 18;
  const written = [
    'a'.repeat(chunk - 1),
    'b'.repeat(chunk),
    'c'.repeat(3 * chunk + 7),
    '',
    ...Array.from({ length: 5000 }, (_, index) => `${index}`.repeat(30)),
    'd'.repeat(chunk),
  ];
  expect(await lines(`${written.join('\n')}\n`)).toEqual(written);
  expect(await lines(written.join('\n'))).toEqual(written);
});

test('a file that is missing is an error, not an empty file', async () => {
  const read = readLines(path.join(folder, 'missing'))[Symbol.asyncIterator]();
  await expect(read.next()).rejects.toMatchObject({ code: 'ENOENT' });
});
