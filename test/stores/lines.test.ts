import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { readBlocks, readLines, splitLines, textLinesIn } from '../../src/stores/lines.ts';
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

test('a missing file is an error, not an empty file', async () => {
  const read = readLines(path.join(folder, 'missing'))[Symbol.asyncIterator]();
  await expect(read.next()).rejects.toMatchObject({ code: 'ENOENT' });
});

async function blocksOf(bytes: number): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for await (const block of readBlocks(file, bytes)) blocks.push(block);
  return blocks;
}

test('blocks add up to the file, and each but the last ends with a line feed', async () => {
  const text = fc
    .array(fc.constantFrom('a', 'é', '\n', 'long line '), { maxLength: 200 })
    .map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 300 }), async (content, bytes) => {
      writeFileSync(file, content);
      const blocks = await blocksOf(bytes);
      expect(Buffer.concat(blocks).toString()).toBe(content);
      for (const block of blocks.slice(0, -1)) expect(block.at(-1)).toBe(0x0a);
    }),
  );
});

test('a file of several reads is cut at lines, into blocks that can be handed over to a thread', async () => {
  const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 40)}`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const blocks = await blocksOf(100_000);
  expect(blocks.length).toBeGreaterThan(3);
  for (const block of blocks)
    expect(structuredClone(block.buffer, { transfer: [block.buffer as ArrayBuffer] })).toBeDefined();
});

test('text lines of a block come without line feeds, and empty ones not at all', () => {
  expect([...textLinesIn(Buffer.from('a\n\nbé\nlast'))]).toEqual(['a', 'bé', 'last']);
});

test('a line longer than a block comes whole', async () => {
  writeFileSync(file, `${'y'.repeat(600_000)}\nz\n`);
  const lines = (await blocksOf(1000)).flatMap((block) => [...textLinesIn(block)]);
  expect(lines.map(({ length }) => length)).toEqual([600_000, 1]);
});

test('lines with a bound are the same lines however a stream is cut, and a line over the bound is null', async () => {
  const anyBytes = fc.array(fc.constantFrom('a', 'bc', '\n', '\r'), { maxLength: 60 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(
      anyBytes,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 6 }),
      async (text, cut, longest) => {
        const pieces = text.match(new RegExp(`[^]{1,${cut}}`, 'g')) ?? [];
        const read: (string | null)[] = [];
        for await (const { line, bytes, ended } of splitLines(streamOf(pieces), longest)) {
          read.push(bytes?.toString() ?? null);
          expect(line).toBe(read.length);
          expect(ended).toBe(text.endsWith('\n') || line < text.split('\n').length);
        }
        const whole = text === '' ? [] : text.replace(/\n$/, '').split('\n');
        expect(read).toEqual(whole.map((line) => (line.length > longest ? null : line)));
      },
    ),
  );
});

async function* streamOf(pieces: readonly string[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}
