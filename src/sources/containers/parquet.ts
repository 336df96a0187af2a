import { TuneloopError } from '../../errors.ts';
import type { RecordReader } from '../file-source.ts';
import { itemsOfRecord, type RecordOptions } from './record-items.ts';

/** Bytes. The index of a Parquet file stands at its end, so that all of it is held. */
const LARGEST = 256 * 2 ** 20;
/** Rows that are decoded at a time. */
const ROWS_AT_ONCE = 5000;

/** Reads Parquet files, uncompressed or packed with Snappy. */
export function parquetReader(options: RecordOptions): RecordReader {
  return async function* (chunks, { file, skip }) {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > LARGEST) {
        throw new TuneloopError(
          'SOURCE_UNREADABLE',
          `${file} is a Parquet file over 256 MiB: write it as several files`,
        );
      }
      parts.push(Buffer.from(chunk));
    }
    const whole = Buffer.concat(parts);
    const buffer = whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length);
    // Loaded with the first Parquet file.
    const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
    const readable = async <T>(read: Promise<T>): Promise<T> =>
      read.catch(() => {
        throw new TuneloopError(
          'SOURCE_UNREADABLE',
          `${file} is a Parquet file that cannot be read: it was cut off, or is packed with a method other than Snappy; ` +
            'write it again without compression, or as JSONL',
        );
      });
    const metadata = await readable(parquetMetadataAsync(buffer));
    const rows = Number(metadata.num_rows);
    for (let start = skip; start < rows; start += ROWS_AT_ONCE) {
      const end = Math.min(rows, start + ROWS_AT_ONCE);
      const records = await readable(parquetReadObjects({ file: buffer, metadata, rowStart: start, rowEnd: end }));
      for (const [index, record] of records.entries()) {
        yield* itemsOfRecord(plain(record), { file, line: start + index + 1 }, [], options);
      }
    }
    return { records: rows, open: false };
  };
}

/** Values as JSON has them: times as text, large whole numbers as numbers. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
