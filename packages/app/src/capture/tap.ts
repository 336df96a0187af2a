import { isOver } from './record.ts';

/** Longer answers are passed on and not recorded, because a stream may be endless. */
const MAX_BYTES = 32 * 2 ** 20;

/**
 * The same answer, whose text is handed to `take` once the application has read it: at the last event of a stream, at the end of the body,
 * or where the application leaves it. A body that broke off or was not read gives no text.
 *
 * No second branch of the body (`clone`, `tee`): cancelling one branch waits for the other.
 */
export function tapped(response: Response, streamed: boolean, take: (text: string) => void): Response {
  if (!hasStream(response)) return response;
  return asFetched(new Response(passThrough(response, new Tape(streamed, take)), response), response);
}

type Streaming = Response & { body: ReadableStream<Uint8Array> };

function hasStream(response: Response): response is Streaming {
  return response.body instanceof ReadableStream;
}

function passThrough(response: Streaming, tape: Tape): ReadableStream<Uint8Array> {
  // The response is held, and not only its body, and the body stays free until it is read: fetch closes the connection of a response that
  // is neither held nor read.
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const source = () => {
    reader ??= response.body.getReader();
    return reader;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await source().read();
        if (done) {
          tape.end();
          controller.close();
        } else {
          tape.add(value);
          controller.enqueue(value);
        }
      },
      cancel(reason) {
        tape.end();
        return source().cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Copies the properties of a `fetch` response that the constructor does not take. */
function asFetched(made: Response, { url, redirected, type }: Pick<Response, 'url' | 'redirected' | 'type'>): Response {
  return Object.defineProperties(made, {
    url: { value: url },
    redirected: { value: redirected },
    type: { value: type },
    clone: { value: () => asFetched(Response.prototype.clone.call(made), { url, redirected, type }) },
  });
}

/** The text of an answer as it passes by. Never throws. */
class Tape {
  readonly #streamed: boolean;
  #take: ((text: string) => void) | undefined;
  /** Copies, because the application may change or give away its bytes. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** The chunks of events that were whole, and the end of the latest chunk. */
  #whole = 0;
  #tail = '';

  constructor(streamed: boolean, take: (text: string) => void) {
    this.#streamed = streamed;
    this.#take = take;
  }

  add(chunk: Uint8Array): void {
    if (!this.#take) return;
    try {
      this.#chunks.push(Buffer.from(chunk));
      this.#bytes += chunk.byteLength;
      if (this.#bytes > MAX_BYTES) this.#stop();
      else if (this.#streamed && this.#isOver(chunk)) this.end();
    } catch {
      this.#stop();
    }
  }

  end(): void {
    const take = this.#take;
    const chunks = this.#chunks;
    this.#stop();
    try {
      take?.(textOf(chunks));
    } catch {
      // The application gets the answer all the same.
    }
  }

  #stop(): void {
    this.#take = undefined;
    this.#chunks = [];
  }

  /** Looks at events once they are whole, so that each byte is looked at once. */
  #isOver(chunk: Uint8Array): boolean {
    this.#tail = `${this.#tail}${Buffer.from(chunk.subarray(-4)).toString('latin1')}`.slice(-4);
    if (!/(?:\n\n|\r\r|\r\n\r\n)$/.test(this.#tail)) return false;
    const events = this.#chunks.slice(this.#whole);
    this.#whole = this.#chunks.length;
    return isOver(textOf(events));
  }
}

const decoder = new TextDecoder();

function textOf(chunks: readonly Buffer[]): string {
  return decoder.decode(Buffer.concat(chunks));
}
