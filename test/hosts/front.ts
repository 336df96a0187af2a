import type { ProviderSettings } from '../../src/core/run/pipeline.ts';
import type { ProviderProfile } from '../../src/providers/profile.ts';
import type { Effect } from './faults.ts';
import type { Host, HostOptions } from './host.ts';
import type { HostJob } from './jobs.ts';

/** The calls for which faults can be planned and which the ledger counts, whatever their paths are at a host. */
export const OPERATIONS = [
  'models.list',
  'models.get',
  'models.delete',
  'files.create',
  'files.send',
  'files.list',
  'files.get',
  'files.delete',
  'jobs.create',
  'jobs.list',
  'jobs.get',
  'jobs.cancel',
  'jobs.events',
  'jobs.metrics',
  'jobs.checkpoints',
  'jobs.estimate',
  'links.get',
  'leases.create',
  'leases.load',
  'leases.list',
  'leases.get',
  'leases.delete',
  'leases.machines',
  'login',
  'chat',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** A request as a route sees it. */
export interface Call {
  readonly method: string;
  /** Without the query, still percent-encoded. */
  readonly path: string;
  /** The parts of the path that the route names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The bytes of the body. */
  readonly raw: Buffer;
  /** The body as an object: of JSON, or of a form whose fields are texts; empty for anything else. */
  readonly body: Readonly<Record<string, unknown>>;
  /** `http://127.0.0.1:<port>`, for links to this host. */
  readonly origin: string;
  /** What a test wants to go wrong with this call; the state machine sees to it. */
  readonly effects: readonly Effect[];
  /** The fields of a form with files. */
  form(): Promise<FormData>;
}

export interface Answer {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON, a text as it is; nothing by default. */
  body?: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /**
   * Such as `/v1/accounts/{account}/datasets/{id}:upload`. A name in braces stands for one segment without `/` and `:`, one with a star,
   * such as `{model*}`, for anything.
   */
  readonly path: string;
  readonly operation: Operation;
  /** Whether it is called without the key, such as a signed link. */
  readonly open?: true;
  readonly handle: (call: Call, host: Host) => Answer | Promise<Answer>;
}

/** A document that describes a part of a host's paths. */
export interface SpecPart {
  /** Its file below the folder of specifications. */
  readonly file: string;
  /** What the host's paths have in front of those of the document. */
  readonly prefix: string;
  /** Only the paths that begin so in the document; all by default. */
  readonly only?: string;
}

/** A host's dialect: what it calls things, which paths it has, and the form of its answers. Everything else is {@link Host}. */
export interface Front {
  readonly profile: ProviderProfile;
  readonly routes: readonly Route[];
  /** In order: the first document that has the path counts. */
  readonly specs: readonly SpecPart[];
  /** Fields of a request for a job that its document does not have, and that are known to be taken or passed over. */
  readonly furtherFields?: readonly string[];
  /** The status of a request that its document does not allow. */
  readonly invalidStatus: 400 | 422;
  /** The body of an answer with a status of 400 and above. */
  readonly errorBody: (error: HostError) => unknown;
  /** The schema of such bodies: a document and the name of a schema in it; unchecked by default. */
  readonly errorSchema?: { readonly file: string; readonly schema: string; readonly exceptStatus?: number };
  /** The key of a call; by default the bearer token, or the header that the profile names. */
  readonly keyOf?: (call: Call) => string | undefined;
  /** Names of new things. A job's own fields are set when its model is named. */
  readonly names: {
    job(): string;
    model(job: HostJob): string;
    checkpoint(job: HostJob, step: number): string;
  };
  /** What a pipeline file says of the provider, for this host at an address. */
  readonly settings: (origin: string) => Pick<ProviderSettings, 'baseURL' | 'addresses' | 'options'>;
  /** Options of {@link Host} that are usual for it. */
  readonly defaults?: Partial<HostOptions>;
  /** Environment variables that its client reads besides the key. */
  readonly env?: Readonly<Record<string, string>>;
}

/** An answer with a status of 400 and above. Thrown by a route or the state machine; the front gives it its form. */
export class HostError extends Error {
  override readonly name = 'HostError';
  readonly status: number;
  readonly code: string | null;
  /** The field at fault. */
  readonly param: string | null;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    message: string,
    details: { code?: string | null; param?: string | null; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = details.code ?? null;
    this.param = details.param ?? null;
    this.headers = details.headers ?? {};
  }
}
