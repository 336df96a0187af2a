import fc from 'fast-check';
import { tapped } from '../../../packages/app/src/capture/tap.ts';

/** A body that comes in pieces of the given lengths, the rest in one. */
function inPieces(text: string, lengths: readonly number[]): ReadableStream<Uint8Array> {
  let rest = new TextEncoder().encode(text);
  const pieces = lengths.map((length) => {
    const piece = rest.slice(0, length);
    rest = rest.slice(length);
    return piece;
  });
  return ReadableStream.from([...pieces, rest].filter(({ length }) => length > 0));
}
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 });
const newline = fc.constantFrom('\n', '\r\n', '\r');
const content = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('data: [DONE]\n\n', '"response.completed"', '[DONE]\r\n\r\n'),
);

test('any answer in any pieces is passed on as it is, and taken once', async () => {
  await fc.assert(
    fc.asyncProperty(content, lengths, fc.boolean(), async (text, pieces, streamed) => {
      const taken: string[] = [];
      const response = tapped(new Response(inPieces(text, pieces)), streamed, (all) => taken.push(all));
      expect(await response.text()).toBe(text);
      expect(taken).toHaveLength(1);
      if (!streamed) expect(taken).toEqual([text]);
    }),
  );
});

test('a stream is taken at its last event, before its end, whatever the texts in it say', async () => {
  const last = fc.constantFrom('[DONE]', JSON.stringify({ response: {}, type: 'response.incomplete' }));
  await fc.assert(
    fc.asyncProperty(fc.array(content), last, newline, lengths, async (contents, end, line, pieces) => {
      const events = contents.map((delta) => `data: ${JSON.stringify({ type: 'delta', delta })}${line}${line}`);
      const text = `${events.join('')}data: ${end}${line}${line}`;
      const taken: string[] = [];
      const { body } = tapped(new Response(inPieces(text, pieces)), true, (all) => taken.push(all));
      let read = '';
      const decoder = new TextDecoder();
      for await (const chunk of body ?? []) {
        read += decoder.decode(chunk, { stream: true });
        // Looked at while the stream is open.
        expect(taken).toEqual(read.length < text.length ? [] : [text]);
      }
      expect(read).toBe(text);
      expect(taken).toHaveLength(1);
    }),
  );
});

test('a taker that throws does no harm', async () => {
  const response = tapped(new Response('answer'), false, () => {
    throw new Error('taker');
  });
  expect(await response.text()).toBe('answer');
});

test('the recorded text stays the same whatever the application does with its bytes', async () => {
  const taken: string[] = [];
  const response = tapped(new Response('answer'), false, (all) => taken.push(all));
  for await (const chunk of response.body ?? []) structuredClone(chunk.fill(0), { transfer: [chunk.buffer] });
  expect(taken).toEqual(['answer']);
});

test('a response without a body is left alone', () => {
  const response = new Response(null, { status: 204 });
  expect(tapped(response, false, () => {})).toBe(response);
});
