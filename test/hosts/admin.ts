import { type Answer, type Call, HostError } from './front.ts';
import type { Host } from './host.ts';

/**
 * What tests in another process ask of a host: `/_ledger`, `/_requests?from=<number>`, `/_violations`, `/_faults`, and `/_leases/<name>` to
 * remove one by hand.
 */
export async function answerAdmin(host: Host, { method, path, query, body }: Call): Promise<Answer> {
  if (path === '/_ledger') return { body: await host.ledger() };
  if (path === '/_requests') return { body: host.requests(Number(query.get('from'))) };
  if (path === '/_violations') return { body: host.violations() };
  if (path === '/_faults') {
    try {
      if (method === 'POST') host.faults.read(body);
    } catch (error) {
      return { status: 400, body: { message: String(error) } };
    }
    return { body: host.faults.show() };
  }
  if (path.startsWith('/_leases/') && method === 'DELETE') {
    try {
      return { body: host.leases.remove(decodeURIComponent(path.slice('/_leases/'.length))) };
    } catch (error) {
      if (error instanceof HostError) return { status: error.status, body: { message: error.message } };
      throw error;
    }
  }
  return { status: 404, body: { message: 'no such path' } };
}
