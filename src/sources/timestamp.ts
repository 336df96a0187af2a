const WITHOUT_ZONE = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)$/;
const SQL_STYLE = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)([+-]\d{2})(?::?(\d{2}))?$/;

/**
 * A time as databases and exports write it (`2026-08-01 12:00:00.5`, `2026-08-01 12:00:00+00`) as ISO 8601; without a zone it is UTC. Any
 * other text stays unchanged.
 */
export function isoTimestamp(text: string): string {
  const local = WITHOUT_ZONE.exec(text);
  if (local) return `${local[1]}T${local[2]}Z`;
  const zoned = SQL_STYLE.exec(text);
  if (!zoned) return text;
  const [, date, time, hours, minutes = '00'] = zoned;
  return `${date}T${time}${hours === '+00' && minutes === '00' ? 'Z' : `${hours}:${minutes}`}`;
}

/** Milliseconds since 1970; NaN for a text that is no time. The same on every machine, whatever its time zone. */
export function parseTime(text: string): number {
  return Date.parse(isoTimestamp(text));
}
