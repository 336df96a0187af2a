const CONSTANTS: Readonly<Record<string, unknown>> = { True: true, False: false, None: null, nan: null };
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\n': '',
};
const DEEPEST = 32;

/**
 * The value of a list, dictionary or tuple as Python prints it (`[{'role': 'user', 'content': 'hi'}]`); undefined for any other text. Objects
 * such as `Message(role='user')` are read as their arguments.
 */
export function readPythonLiteral(text: string): unknown {
  const reader = new Reader(text);
  try {
    const value = reader.value(0);
    return reader.isAtEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof NoLiteral || error instanceof RangeError) return undefined;
    throw error;
  }
}

class NoLiteral extends Error {}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.#text.length;
  }

  value(depth: number): unknown {
    if (depth > DEEPEST) throw new NoLiteral();
    this.#skipSpace();
    const char = this.#text[this.#at];
    if (char === '{') return this.#members('}', ':', depth);
    if (char === '[') return this.#list(']', depth);
    if (char === '(') return this.#list(')', depth);
    const word = this.#match(/[A-Za-z_][\w.]*|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy);
    if (word === undefined) return this.#string();
    if (/^[+\-.\d]/.test(word)) return Number(word);
    if (Object.hasOwn(CONSTANTS, word)) return CONSTANTS[word];
    const next = this.#text[this.#at];
    if (next === '(') return this.#members(')', '=', depth);
    if (/^(?:[rbuf]|rb|br)$/i.test(word) && (next === "'" || next === '"')) return this.#string();
    throw new NoLiteral();
  }

  #members(end: string, separator: string, depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    this.#at += 1;
    while (!this.#ends(end)) {
      const key = separator === '=' ? this.#match(/[A-Za-z_]\w*/y) : this.value(depth + 1);
      if (key === undefined || !this.#takes(separator)) throw new NoLiteral();
      entries.push([String(key), this.value(depth + 1)]);
      this.#takes(',');
    }
    return Object.fromEntries(entries);
  }

  #list(end: string, depth: number): unknown[] {
    const values: unknown[] = [];
    this.#at += 1;
    while (!this.#ends(end)) {
      values.push(this.value(depth + 1));
      this.#takes(',');
    }
    return values;
  }

  /** Strings that stand beside each other are one. */
  #string(): string {
    let text = '';
    let quote = this.#match(/'''|"""|'|"/y);
    if (quote === undefined) throw new NoLiteral();
    while (quote !== undefined) {
      while (!this.#text.startsWith(quote, this.#at)) {
        if (this.#at >= this.#text.length) throw new NoLiteral();
        text += this.#text[this.#at] === '\\' ? this.#escape() : this.#text[this.#at++];
      }
      this.#at += quote.length;
      this.#skipSpace();
      quote = this.#match(/'''|"""|'|"/y);
    }
    return text;
  }

  #escape(): string {
    const code = this.#match(/\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})/iy);
    if (code !== undefined) return String.fromCodePoint(Number.parseInt(code.slice(2), 16));
    const char = this.#text[this.#at + 1] ?? '';
    this.#at += 2;
    return ESCAPES[char] ?? `\\${char}`;
  }

  #ends(end: string): boolean {
    this.#skipSpace();
    if (this.#at >= this.#text.length) throw new NoLiteral();
    return this.#takes(end);
  }

  #takes(text: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #skipSpace(): void {
    this.#match(/\s+/y);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
