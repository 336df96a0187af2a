import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { deleted, HttpApi } from '../../http-api.ts';
import { ProviderError } from '../../provider-error.ts';
import { ANY, FILE, FILES, type TogetherFile } from './answers.ts';

const UPLOAD_TIMEOUT_MS = 15 * 60_000;
/** How long the server may take to check an uploaded file. */
const CHECK_TIMEOUT_MS = 15 * 60_000;
const FIRST_WAIT_MS = 250;
const ID_HEADER = 'x-together-file-id';
const KNOWN_BYTES = z.object({ file_id: z.string() });

export interface FileOptions {
  /** The key, which the storage address must not be told, and which must stand in no error. */
  secret: string;
  /** The longest wait between two questions whether a file has been checked; the first waits are shorter. */
  pollMs: number;
}

/**
 * Training files. An upload is three requests: the first one answers with a storage address, the second one sends the bytes there, the third
 * one has them checked. A job can be created from a file only after that check.
 */
export class TogetherFiles {
  readonly #api: HttpApi;
  readonly #options: FileOptions;

  constructor(api: HttpApi, options: FileOptions) {
    this.#api = api;
    this.#options = options;
  }

  /** The newest checked file of this name and size. */
  async find(name: string, bytes: number): Promise<string | undefined> {
    const { data } = await this.#api.send({ path: '/files', answer: FILES });
    return data
      .filter((file) => file.filename === name && file.bytes === bytes && stateOf(file) === 'ready')
      .toSorted((a, b) => b.created_at - a.created_at)[0]?.id;
  }

  async upload(name: string, file: string): Promise<string> {
    const form = new URLSearchParams({
      purpose: 'fine-tune',
      file_name: name,
      file_type: 'jsonl',
      checksum: await sha256Of(file),
    });
    const { status, headers, text } = await this.#api.exchange({
      path: '/files',
      method: 'POST',
      body: form,
      expected: [409],
    });
    if (status === 409) {
      // An earlier upload of the same bytes, maybe of an attempt that died before the check had begun.
      const known = knownFile(text);
      if (known === undefined) throw refused('the server has this file already and does not say under which id', 409);
      const file = await this.#get(known);
      if (stateOf(file) === 'pending') await this.#check(known, [400, 409]);
      return this.#checked(known);
    }
    const [location, id] = [headers.get('location'), headers.get(ID_HEADER)];
    if (status !== 302 || !location || !id) {
      throw unavailable(`the upload of a file was answered with status ${status}, without a storage address or an id`);
    }
    await this.#store(location, file);
    await this.#check(id);
    return this.#checked(id);
  }

  delete(id: string): Promise<void> {
    return deleted(this.#api.send({ path: `/files/${encodeURIComponent(id)}`, method: 'DELETE', answer: ANY }));
  }

  /** Sends the bytes without the key: the address is signed, and may belong to somebody else. */
  async #store(location: string, file: string): Promise<void> {
    const url = new URL(location, this.#api.address);
    if (url.protocol !== 'https:' && new URL(this.#api.address).protocol === 'https:') {
      throw refused('the server names a storage address without encryption');
    }
    const storage = new HttpApi({
      baseURL: url.origin,
      headers: () => ({ 'content-type': 'application/octet-stream' }),
      secrets: [this.#options.secret, ...url.searchParams.values()].filter((word) => word.length >= 8),
      timeoutMs: UPLOAD_TIMEOUT_MS,
    });
    const { status } = await storage.exchange({
      path: `${url.pathname}${url.search}`,
      method: 'PUT',
      body: await openAsBlob(file),
    });
    if (status >= 300) throw unavailable(`the storage at ${url.origin} answered ${status}`);
  }

  async #check(id: string, expected: readonly number[] = []): Promise<void> {
    await this.#api.exchange({ path: `/files/${encodeURIComponent(id)}/preprocess`, method: 'POST', expected });
  }

  #get(id: string): Promise<TogetherFile> {
    return this.#api.send({ path: `/files/${encodeURIComponent(id)}`, answer: FILE });
  }

  /** Waits until the server has checked a file, and gives back its id. */
  async #checked(id: string): Promise<string> {
    const deadline = performance.now() + CHECK_TIMEOUT_MS;
    for (let wait = FIRST_WAIT_MS; ; wait *= 2) {
      const file = await this.#get(id);
      const state = stateOf(file);
      if (state === 'ready') return id;
      if (state === 'unusable') throw refused(`the file ${id} was refused after its check: ${file.processing_status}`);
      if (performance.now() > deadline) {
        throw unavailable(`the file ${id} has not been checked for ${CHECK_TIMEOUT_MS / 60_000} minutes`);
      }
      await delay(Math.min(wait, this.#options.pollMs));
    }
  }
}

/** Servers that name no status say `Processed` alone. */
function stateOf({
  processing_status: status,
  Processed: isProcessed,
}: TogetherFile): 'ready' | 'unusable' | 'pending' {
  if (status === 'FAILED' || status === 'INVALID_FORMAT') return 'unusable';
  return status === 'COMPLETED' || (!status && isProcessed) ? 'ready' : 'pending';
}

function knownFile(text: string): string | undefined {
  try {
    return KNOWN_BYTES.safeParse(JSON.parse(text)).data?.file_id;
  } catch {
    return undefined;
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece);
  return hash.digest('hex');
}

function refused(message: string, status?: number): ProviderError {
  return new ProviderError('PROVIDER_REFUSED', message, {
    retryable: false,
    ...(status === undefined ? {} : { status }),
  });
}

function unavailable(message: string): ProviderError {
  return new ProviderError('PROVIDER_UNAVAILABLE', message, { retryable: true });
}
