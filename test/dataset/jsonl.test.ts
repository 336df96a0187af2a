import fc from 'fast-check';
import { parseTrainingLine, toTrainingLine } from '../../src/dataset/jsonl.ts';
import { anyText } from '../storage/any-text.ts';

test('a line comes back as it went in, but for lone surrogates, which become U+FFFD', () => {
  fc.assert(
    fc.property(anyText(), anyText(), (input, completion) => {
      const bytes = Buffer.from(toTrainingLine({ input, completion }));
      expect(bytes.filter((byte) => byte === 10)).toHaveLength(1);
      expect(parseTrainingLine(bytes.toString('utf8'))).toEqual({
        input: input.toWellFormed(),
        completion: completion.toWellFormed(),
      });
    }),
  );
});

test('a line holds the input and the answer alone', () => {
  const example = { id: 'row-1', line: 1, input: 'hello', completion: 'greeting', timestamp: '2026-01-01T00:00:00Z' };
  expect(toTrainingLine(example)).toBe(
    '{"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":"greeting"}]}\n',
  );
});

test.each([
  '',
  'secret',
  'null',
  '[]',
  '{"messages":"secret"}',
  '{"messages":[]}',
  '{"messages":[null,null]}',
  '{"messages":[{"role":"user","content":"secret"}]}',
  '{"messages":[{"role":"user","content":"secret"},{"role":"assistant","content":1}]}',
  '{"messages":[{"role":"system","content":"secret"},{"role":"assistant","content":"a"}]}',
  '{"messages":[{"role":"assistant","content":"secret"},{"role":"user","content":"secret"}]}',
  '{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"secret"},{"role":"user","content":"a"}]}',
])('another line is refused without quoting it: %s', (line) => {
  expect(() => parseTrainingLine(line)).toThrow(
    expect.objectContaining({ code: 'ARTIFACT_CORRUPT', message: expect.not.stringContaining('secret') }),
  );
});
