import { parquetWriteBuffer as write } from 'hyparquet-writer';

/** The bytes of a Parquet file of one row. */
export function parquetWriteBuffer(): Buffer {
  return Buffer.from(
    write({
      columnData: [
        { name: 'id', data: ['r-1'], type: 'STRING' },
        { name: 'prompt', data: ['hi'], type: 'STRING' },
        { name: 'completion', data: ['yes'], type: 'STRING' },
      ],
    }),
  );
}
