import { PassThrough } from 'node:stream';
import multipart from '@fastify/multipart';
import { type ApiError, invalid } from '@tuneloop/app/internal/shared/api-error';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { FileObject, FileStore } from '../stores/files.ts';
import { pageOf } from './pages.ts';

const LARGEST_FILE = 512 * 1024 * 1024;

/** `/v1/files`. */
export function fileRoutes(files: FileStore): FastifyPluginAsync {
  return async (app) => {
    await app.register(multipart, {
      limits: { fileSize: LARGEST_FILE, files: 1, fields: 10 },
      throwFileSizeLimit: false,
    });

    app.post('/files', async (request) => {
      if (!request.isMultipart())
        throw invalid('file', 'Expected a multipart/form-data body with `file` and `purpose`.');
      const { file, purpose } = await readUpload(request, files);
      const problem = uploadProblem(file, purpose);
      if (problem !== undefined) {
        if (file !== undefined) await files.delete(file.id);
        throw problem;
      }
      return file;
    });

    app.get<{ Querystring: Record<string, unknown> }>('/files', async ({ query }) => {
      const { purpose, order } = query;
      if (order !== undefined && order !== 'asc' && order !== 'desc') {
        throw invalid('order', `Invalid 'order': expected 'asc' or 'desc', but got '${order}'.`);
      }
      const all = files.list().filter((file) => purpose === undefined || file.purpose === purpose);
      const page = pageOf(order === 'asc' ? all.reverse() : all, query, { usual: 10_000, most: 10_000 });
      return { ...page, first_id: page.first_id ?? '', last_id: page.last_id ?? '' };
    });

    app.get<{ Params: { id: string } }>('/files/:id', async ({ params }) => files.get(params.id));

    app.delete<{ Params: { id: string } }>('/files/:id', async ({ params }) => {
      await files.delete(params.id);
      return { id: params.id, object: 'file', deleted: true };
    });

    app.get<{ Params: { id: string } }>('/files/:id/content', async ({ params }, reply) => {
      reply.type('application/octet-stream');
      const content = files.read(params.id);
      // OpenAI serves result files as base64 of the CSV.
      if (files.get(params.id).purpose === 'fine-tune-results') return inBase64(content);
      return content;
    });
  };
}

/** Stores the file of a request; an upload that breaks off leaves nothing, even if it breaks off after the file. */
async function readUpload(
  request: FastifyRequest,
  files: FileStore,
): Promise<{ file: FileObject | undefined; purpose: unknown }> {
  let file: FileObject | undefined;
  let purpose: unknown;
  try {
    for await (const part of request.parts()) {
      if (part.type === 'field') {
        if (part.fieldname === 'purpose') purpose = part.value;
      } else if (part.fieldname === 'file') {
        // The name is shown, never used as a path.
        const name = part.filename.split(/[/\\]/).pop() ?? '';
        file = await files.add(part.file, name === '' ? 'file' : name, 'fine-tune', () => part.file.truncated);
      } else {
        part.file.resume();
      }
    }
  } catch (error) {
    if (file !== undefined) await files.delete(file.id);
    throw error;
  }
  return { file, purpose };
}

function uploadProblem(file: FileObject | undefined, purpose: unknown): ApiError | undefined {
  if (file === undefined) return invalid('file', "'file' is a required property");
  if (purpose === undefined) return invalid('purpose', "'purpose' is a required property");
  if (purpose !== 'fine-tune') {
    return invalid(
      'purpose',
      `'${String(purpose)}' is not one of ['fine-tune']: this server keeps files for fine-tuning only.`,
    );
  }
  if (file.bytes === 0) return invalid('file', 'File is empty.');
  return undefined;
}

function inBase64(content: NodeJS.ReadableStream): PassThrough {
  const encoded = new PassThrough();
  const chunks: Buffer[] = [];
  content.on('data', (chunk: Buffer) => chunks.push(chunk));
  content.on('end', () => encoded.end(Buffer.concat(chunks).toString('base64')));
  content.on('error', (error) => encoded.destroy(error));
  return encoded;
}
