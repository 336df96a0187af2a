import { readJsonLine } from '../json-line.ts';
import { readPythonLiteral } from './python-literal.ts';

/** The object or list in a text that holds nothing else, as JSON or as Python prints it; otherwise the text. Other values stay. */
export function unpacked(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{(]/.test(value)) return value;
  const read = readJsonLine(Buffer.from(value), false);
  const isPython = 'refused' in read && read.refused === 'broken-json';
  const found = 'value' in read ? read.value : isPython ? readPythonLiteral(value) : undefined;
  return typeof found === 'object' && found !== null ? found : value;
}
