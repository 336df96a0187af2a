import { isRecord } from '@tuneloop/app/internal/shared/json-body';

type Packable = Uint32Array | Float32Array | Int8Array;

interface Section {
  name: string;
  /** The name of the class of the array. */
  type: string;
  /** Of the array, in numbers. */
  length: number;
  /** In bytes, from the end of the header. */
  offset: number;
}

interface Header {
  kind: string;
  meta: unknown;
  sections: Section[];
}

/** Named arrays as one block of bytes: length of the header, header (JSON), arrays, each at a multiple of 8 bytes. */
export function pack(kind: string, meta: unknown, arrays: Readonly<Record<string, Packable>>): Buffer {
  const sections: Section[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    sections.push({ name, type: array.constructor.name, length: array.length, offset });
    offset += aligned(array.byteLength);
  }
  const header = Buffer.from(JSON.stringify({ format: 1, kind, meta, sections }));
  const start = aligned(4 + header.length);
  const bytes = Buffer.alloc(start + offset);
  bytes.writeUInt32LE(header.length, 0);
  header.copy(bytes, 4);
  for (const [at, array] of Object.values(arrays).entries()) {
    const section = sections[at];
    if (section === undefined) continue;
    Buffer.from(array.buffer, array.byteOffset, array.byteLength).copy(bytes, start + section.offset);
  }
  return bytes;
}

/** The block of {@link pack}, read again; the arrays are views on one copy of the bytes. */
export class Unpacked {
  readonly kind: string;
  readonly meta: unknown;
  readonly #sections: ReadonlyMap<string, Section>;
  readonly #buffer: ArrayBuffer;
  readonly #start: number;

  constructor(bytes: Uint8Array) {
    this.#buffer = new Uint8Array(bytes).buffer;
    const length = new DataView(this.#buffer).getUint32(0, true);
    const header: unknown = JSON.parse(Buffer.from(this.#buffer, 4, length).toString());
    if (!isHeader(header)) throw new Error('The model file has another header than this version writes.');
    this.kind = header.kind;
    this.meta = header.meta;
    this.#sections = new Map(header.sections.map((section) => [section.name, section]));
    this.#start = aligned(4 + length);
  }

  uint32(name: string): Uint32Array {
    const { length, offset } = this.#section(name, 'Uint32Array');
    return new Uint32Array(this.#buffer, offset, length);
  }

  float32(name: string): Float32Array {
    const { length, offset } = this.#section(name, 'Float32Array');
    return new Float32Array(this.#buffer, offset, length);
  }

  int8(name: string): Int8Array {
    const { length, offset } = this.#section(name, 'Int8Array');
    return new Int8Array(this.#buffer, offset, length);
  }

  #section(name: string, type: string): { length: number; offset: number } {
    const section = this.#sections.get(name);
    if (section?.type !== type) throw new Error(`The model file holds no ${type} named ${name}.`);
    return { length: section.length, offset: this.#start + section.offset };
  }
}

function isHeader(value: unknown): value is Header {
  return (
    isRecord(value) &&
    typeof value.kind === 'string' &&
    Array.isArray(value.sections) &&
    value.sections.every(isSection)
  );
}

function isSection(value: unknown): value is Section {
  return (
    isRecord(value) &&
    typeof value.name === 'string' &&
    typeof value.type === 'string' &&
    Number.isSafeInteger(value.length) &&
    Number.isSafeInteger(value.offset)
  );
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
