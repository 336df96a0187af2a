import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { linesOf, readChunks } from '../../src/stores/chunks.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-chunks-'));
const file = path.join(folder, 'lines');
afterAll(() => rmSync(folder, { recursive: true }));

async function chunksOf(bytes: number): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of readChunks(file, bytes)) chunks.push(chunk);
  return chunks;
}

test('the pieces are the file, and each but the last ends with a line feed', async () => {
  const text = fc
    .array(fc.constantFrom('a', 'é', '\n', 'long line '), { maxLength: 200 })
    .map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 300 }), async (content, bytes) => {
      writeFileSync(file, content);
      const chunks = await chunksOf(bytes);
      expect(Buffer.concat(chunks).toString()).toBe(content);
      for (const chunk of chunks.slice(0, -1)) expect(chunk.at(-1)).toBe(0x0a);
    }),
  );
});

test('a file of several reads is cut at lines, into pieces that can be handed over', async () => {
  const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 40)}`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const chunks = await chunksOf(100_000);
  expect(chunks.length).toBeGreaterThan(3);
  for (const chunk of chunks)
    expect(structuredClone(chunk.buffer, { transfer: [chunk.buffer as ArrayBuffer] })).toBeDefined();
});

test('lines of a piece come without line feeds, empty ones not at all', () => {
  expect([...linesOf(Buffer.from('a\n\nbé\nlast'))]).toEqual(['a', 'bé', 'last']);
});

test('a line longer than a piece comes whole', async () => {
  writeFileSync(file, `${'y'.repeat(600_000)}\nz\n`);
  const lines = (await chunksOf(1000)).flatMap((chunk) => [...linesOf(chunk)]);
  expect(lines.map(({ length }) => length)).toEqual([600_000, 1]);
});
