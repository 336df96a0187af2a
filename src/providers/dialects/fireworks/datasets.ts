import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { redactMessage } from '../../../core/text/redaction.ts';
import { deleted } from '../../http-api.ts';
import { ProviderError } from '../../provider-error.ts';
import { ANYTHING, type FireworksApi, idOf, isStatus } from './api.ts';
import { statusAnswer } from './job-mapping.ts';

const datasetAnswer = z.object({
  name: z.string(),
  state: z.string().nullish(),
  status: statusAnswer.nullish(),
});

type DatasetAnswer = z.infer<typeof datasetAnswer>;

const uploadAnswer = z.object({ filenameToSignedUrls: z.record(z.string(), z.string()).default({}) });

/** Larger files go to a storage by a signed address. https://docs.fireworks.ai/fine-tuning/fine-tuning-via-api */
const LARGEST_FORM_BYTES = 150_000_000;
const UPLOAD_TIMEOUT_MS = 15 * 60_000;
const LONGEST_LOOK_MS = 5000;

/** Codes of a file that stays wrong. Any other code may pass. */
const WRONG_FILE = /^(INVALID_ARGUMENT|FAILED_PRECONDITION|OUT_OF_RANGE|PERMISSION_DENIED|UNIMPLEMENTED|DATA_LOSS)$/;

export interface DatasetOptions {
  /** The time between the first two looks at a new dataset; the next ones are further apart. */
  lookMs: number;
  largestFormBytes?: number;
}

/**
 * Training files: each is a resource of its own, whose id follows from the file's name and size. So a file is found again without a list,
 * and two uploads of it cannot become two datasets.
 */
export class FireworksDatasets {
  readonly #api: FireworksApi;
  readonly #options: DatasetOptions;

  constructor(api: FireworksApi, options: DatasetOptions) {
    this.#api = api;
    this.#options = options;
  }

  /** The dataset's name, if its file has arrived and is valid. */
  async find(name: string, bytes: number): Promise<string | undefined> {
    const dataset = await this.#api.find(this.#nameOf(name, bytes), datasetAnswer);
    return dataset?.state === 'READY' ? dataset.name : undefined;
  }

  /** Waits until the provider has checked the file. An interrupted upload is finished by the next one. */
  async upload(name: string, file: string): Promise<string> {
    const { size } = await stat(file);
    const dataset = this.#nameOf(name, size);
    await this.#create(dataset, name, file);
    const before = await this.#api.get(dataset, datasetAnswer);
    if (before.state === 'READY') return dataset;
    await this.#send(dataset, name, file, size);
    await this.#ready(dataset);
    return dataset;
  }

  delete(dataset: string): Promise<void> {
    return deleted(this.#api.delete(dataset));
  }

  async #create(dataset: string, name: string, file: string): Promise<void> {
    const body = {
      datasetId: idOf(dataset),
      dataset: {
        displayName: name.slice(0, 60),
        format: 'CHAT',
        exampleCount: String(await linesOf(file)),
        userUploaded: {},
      },
    };
    try {
      await this.#api.post(`${this.#api.account}/datasets`, { body, answer: ANYTHING });
    } catch (error) {
      // It was created before: by an attempt that was interrupted, or whose answer was lost.
      if (!isStatus(error, 409)) throw error;
    }
  }

  async #send(dataset: string, name: string, file: string, size: number): Promise<void> {
    const blob = await openAsBlob(file, { type: 'application/octet-stream' });
    if (size <= (this.#options.largestFormBytes ?? LARGEST_FORM_BYTES)) {
      const form = new FormData();
      form.set('file', blob, name);
      try {
        await this.#api.post(`${dataset}:upload`, { body: form, answer: ANYTHING, timeoutMs: UPLOAD_TIMEOUT_MS });
      } catch (error) {
        // An attempt before this one has sent it, and was interrupted while the provider checked it.
        if (!isStatus(error, 400, 409, 412) || !/already/i.test(error.message)) throw error;
      }
      return;
    }
    const { filenameToSignedUrls: urls } = await this.#api.post(`${dataset}:getUploadEndpoint`, {
      body: { filenameToSize: { [name]: String(size) } },
      answer: uploadAnswer,
    });
    const signedUrl = urls[name];
    if (signedUrl === undefined) {
      throw new ProviderError('PROVIDER_UNAVAILABLE', `${this.#api.http.address} gave no address for ${name}`, {
        retryable: true,
      });
    }
    await this.#api.exchangeSigned(signedUrl, {
      method: 'PUT',
      headers: sizeHeader(signedUrl, size),
      body: blob,
      timeoutMs: UPLOAD_TIMEOUT_MS,
    });
    await this.#api.post(`${dataset}:validateUpload`, { body: {}, answer: ANYTHING });
  }

  async #ready(name: string): Promise<void> {
    const deadline = performance.now() + UPLOAD_TIMEOUT_MS;
    for (let wait = this.#options.lookMs; ; wait = Math.min(wait * 2, LONGEST_LOOK_MS)) {
      const dataset = await this.#api.get(name, datasetAnswer);
      if (dataset.state === 'READY') return;
      this.#refuse(dataset);
      if (performance.now() > deadline) {
        const message = `${this.#api.http.address} has not checked ${name} in time`;
        throw new ProviderError('PROVIDER_UNAVAILABLE', message, { retryable: true });
      }
      await delay(wait);
    }
  }

  #refuse({ name, status }: DatasetAnswer): void {
    if (!WRONG_FILE.test(status?.code ?? '')) return;
    const reason = `${status?.code}: ${status?.message ?? ''}`;
    const text = redactMessage(`${this.#api.http.address} refused ${name}: ${reason}`, [], 500);
    throw new ProviderError('PROVIDER_REFUSED', text, { retryable: false });
  }

  #nameOf(name: string, bytes: number): string {
    const hash = createHash('sha256')
      .update(JSON.stringify([name, bytes]))
      .digest('hex');
    return this.#api.nameOf('datasets', `tuneloop-${hash.slice(0, 40)}`);
  }
}

/** A storage refuses a request that lacks a header of its signature, and one of its own headers that the signature lacks. */
function sizeHeader(signedUrl: string, size: number): Record<string, string> {
  const signed = new URL(signedUrl).searchParams.get('X-Goog-SignedHeaders') ?? '';
  return signed.split(';').includes(SIZE_HEADER) ? { [SIZE_HEADER]: `${size},${size}` } : {};
}

const SIZE_HEADER = 'x-goog-content-length-range';

/** The lines of a JSONL file. */
async function linesOf(file: string): Promise<number> {
  let lines = 0;
  let last = NEW_LINE;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      if (byte === NEW_LINE) lines += 1;
      last = byte;
    }
  }
  return last === NEW_LINE ? lines : lines + 1;
}

const NEW_LINE = 10;
