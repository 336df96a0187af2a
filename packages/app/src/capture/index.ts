/** The imports of an application that writes the log of its calls: `import { capture, jsonlSink } from '@tuneloop/app/capture'`. */
export { type CapturableClient, type CaptureOptions, capture } from './capture.ts';
export { type JsonlOptions, jsonlSink } from './jsonl-sink.ts';
export { type PostgresOptions, type PostgresPool, postgresSink } from './postgres-sink.ts';
export type { CapturedCall } from './record.ts';
export type { CaptureSink, SinkOptions } from './sink.ts';
