import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { type Answer, type Received, type TinyServer, tinyServer } from '../http-server.ts';

const SPECS = path.join(__dirname, '../../../../shared/spec');
const OPENAI = path.join(SPECS, 'openai-fine-tuning.openapi.json');

type Media = Readonly<Record<string, { schema?: unknown }>>;
interface Operation {
  readonly requestBody?: { content?: Media };
  readonly responses?: Readonly<Record<string, { content?: Media }>>;
}
interface Spec {
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Whether the documents of the hosts are there. */
export const HAS_DOCUMENTS = existsSync(OPENAI);

/** A server whose requests and answers are compared with the documents of a host. */
export interface HostServer extends Omit<TinyServer, 'answer'> {
  reply: (request: Received) => Answer;
  /** What did not obey the documents; empty where these are not there. */
  readonly problems: string[];
  /** False for a test whose server answers otherwise than its document on purpose. */
  obeys: boolean;
}

/** A server that plays a host; what the document of the host leaves out is as in OpenAI's. */
export async function hostServer(host: 'azure' | 'crusoe' | 'nebius'): Promise<HostServer> {
  const file = path.join(SPECS, host, 'fine-tuning.openapi.json');
  const documents = [file, OPENAI].filter((each) => existsSync(each)).map((each) => new Document(each));
  if (documents.length < 2) console.warn(`Not compared with the documents of ${host}: they are not there (${file}).`);
  const tiny = await tinyServer();
  const problems: string[] = [];
  const server: HostServer = {
    baseURL: tiny.baseURL,
    received: tiny.received,
    close: tiny.close,
    reply: () => ({ status: 500 }),
    problems,
    obeys: true,
  };
  tiny.answer = (request) => {
    const answer = server.reply(request);
    const { pathname } = new URL(request.url, 'http://host');
    const document = documents.find((each) => each.operation(request.method, pathname));
    if (document && server.obeys && typeof answer !== 'function') {
      problems.push(...document.problems(request, pathname, answer.status ?? 200, answer.body ?? {}));
    }
    const isJob = request.method === 'POST' && plain(pathname) === '/fine_tuning/jobs';
    if (isJob) for (const each of documents) problems.push(...each.extraProblems(request));
    return answer;
  };
  return server;
}

class Document {
  readonly #spec: Spec;
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

  constructor(file: string) {
    this.#spec = JSON.parse(readFileSync(file, 'utf8')) as Spec;
    this.#ajv.addSchema(this.#spec, 'spec');
  }

  operation(method: string, pathname: string): { template: string; operation: Operation } | undefined {
    const [template] = Object.keys(this.#spec.paths)
      .filter((each) =>
        new RegExp(`^${each.replace(/^\/v1/, '').replace(/\{[^}]+\}/g, '[^/]+')}$`).test(plain(pathname)),
      )
      .filter((each) => this.#spec.paths[each]?.[method.toLowerCase()])
      .sort((a, b) => a.split('{').length - b.split('{').length);
    const operation = template === undefined ? undefined : this.#spec.paths[template]?.[method.toLowerCase()];
    return template === undefined || !operation ? undefined : { template, operation };
  }

  problems({ method, headers, body }: Received, pathname: string, status: number, answer: unknown): string[] {
    const found = this.operation(method, pathname);
    if (!found) return [];
    const { template, operation } = found;
    const base = ['paths', template, method.toLowerCase()];
    const isJson = headers['content-type']?.includes('json') === true;
    const asked =
      isJson && operation.requestBody?.content?.['application/json']
        ? this.#check([...base, 'requestBody', 'content', 'application/json', 'schema'], JSON.parse(body))
        : [];
    const answered = operation.responses?.[status]?.content?.['application/json']
      ? this.#check([...base, 'responses', String(status), 'content', 'application/json', 'schema'], answer)
      : [];
    return [
      ...asked.map((problem) => `request ${method} ${template}: ${problem}`),
      ...answered.map((problem) => `answer ${status} to ${method} ${template}: ${problem}`),
    ];
  }

  /** A host may describe only the fields that it adds to OpenAI's job. */
  extraProblems({ body }: Received): string[] {
    const name = 'CreateFineTuningJobExtra';
    if (!this.#spec.components?.schemas?.[name]) return [];
    return this.#check(['components', 'schemas', name], JSON.parse(body));
  }

  #check(parts: readonly string[], value: unknown): string[] {
    const pointer = parts.map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`);
    const validate = this.#ajv.getSchema(`spec#${pointer.join('')}`) as ValidateFunction | undefined;
    if (!validate) throw new Error(`no schema at ${pointer.join('')}`);
    return validate(value) ? [] : [this.#ajv.errorsText(validate.errors)];
  }
}

/** The path below the base URL of the test's server. */
function plain(pathname: string): string {
  return pathname.replace(/^\/v1/, '');
}

/** The JSON of a request. */
export function jsonOf(request: Received | undefined): Record<string, unknown> {
  return JSON.parse(request?.body || '{}') as Record<string, unknown>;
}

/** A list of the protocol; its pages go on after the last id of the one before. */
export function paged(pages: readonly (readonly { id: string }[])[]): (request: Received) => Answer {
  return ({ url }) => {
    const after = new URL(url, 'http://host').searchParams.get('after');
    const place = after === null ? 0 : pages.findIndex((page) => page.at(-1)?.id === after) + 1;
    return { body: { object: 'list', data: pages[place] ?? [], has_more: place < pages.length - 1 } };
  };
}
