export const LINE_FEED = 0x0a;

/**
 * The lines in a block of bytes, without their line feeds; views on the block. A line feed at the end begins no line. Only a
 * line feed ends a line: a carriage return belongs to its line, and U+2028 or U+2029 may stand inside a JSON string.
 */
export function* linesIn(block: Uint8Array): Generator<Buffer, void, void> {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    yield bytes.subarray(start, end);
    start = end + 1;
  }
  if (start < bytes.length) yield bytes.subarray(start);
}
