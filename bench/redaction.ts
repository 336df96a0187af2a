/**
 * Speed of the redactor with all types: microseconds a row on ordinary texts, milliseconds a megabyte on texts made to be
 * slow. Exits with 1 if one of these takes over 100 ms a megabyte.
 *
 *     node bench/redaction.ts
 *
 * The last line is JSON.
 */
import { PII_TYPES } from '../src/core/dataset/pii-type.ts';
import { Redactor } from '../src/data/redaction/redactor.ts';

const MEGABYTE = 1_000_000;
const MOST_MS = 100;
const ROWS = 50_000;
const REPEATS = 5;

/** Repeated for a megabyte each. */
const HOSTILE = [
  'a@',
  '@a.',
  '漢@',
  '1',
  '4',
  '+',
  '1-',
  '4-',
  '0 ',
  '12 ',
  '62-',
  '(',
  '(1',
  '()',
  '+49 12 12 12 12 ',
  '2001567890 ',
  '1.',
  ':',
  'a1::',
  'eyJ',
  'eyJaaaaaaaa.',
  'DE12 ',
  'sk-',
  '[A',
  '[EMAIL_1]',
];

const redactor = new Redactor({ types: PII_TYPES, phoneRegion: 'US' });

/** 150 bytes, as questions to a support desk are; one in twenty has something to replace. */
const rows = Array.from({ length: ROWS }, (_, row) => {
  const contact = row % 20 === 0 ? `write to customer${row}@example.com` : 'you can answer right here';
  const text = `Hello, order ${100_000 + row} of last week (2 parcels) has not arrived: where is it now, please? If it is lost, ${contact}.`;
  return [text.padEnd(150, ' Thanks!').slice(0, 150), 'delivery'];
});

const bytes = Buffer.byteLength(rows.flat().join(''));
const rowsMs = best(() => {
  for (const texts of rows) redactor.redact(texts);
});
const microsecondsPerRow = (rowsMs * 1000) / rows.length;
const megabytesPerSecond = bytes / MEGABYTE / (rowsMs / 1000);
console.log(`ordinary rows: ${microsecondsPerRow.toFixed(2)} us a row, ${megabytesPerSecond.toFixed(1)} MB/s`);

const hostile: Record<string, number> = {};
for (const part of HOSTILE) {
  const text = part.repeat(Math.ceil(MEGABYTE / Buffer.byteLength(part)));
  const ms = best(() => redactor.redact([text]));
  hostile[part] = Math.round(ms);
  console.log(
    `${JSON.stringify(part).padEnd(20)} ${ms.toFixed(0).padStart(5)} ms/MB${ms > MOST_MS ? '  too slow' : ''}`,
  );
}
console.log(JSON.stringify({ microsecondsPerRow, megabytesPerSecond, hostileMs: hostile }));
process.exitCode = Object.values(hostile).some((ms) => ms > MOST_MS) ? 1 : 0;

/** The least of a few tries, in milliseconds by the clock or of processor time: other programs do not count. */
function best(work: () => void): number {
  const times = Array.from({ length: REPEATS }, () => {
    const [clock, processor] = [performance.now(), process.cpuUsage()];
    work();
    const { user, system } = process.cpuUsage(processor);
    return Math.min(performance.now() - clock, (user + system) / 1000);
  });
  return Math.min(...times);
}
