import type { Environment } from '../config/environment.ts';
import { readServices } from '../stores/services-file.ts';
import type { TemporalTarget } from '../worker/connection.ts';

/** Where the Web UI of a server is: as told, as recorded of our own, or where such a server usually has it. */
export function webUiOf({ home, temporalUi }: Environment, target: TemporalTarget): string {
  if (temporalUi) return temporalUi.replace(/\/$/, '');
  const own = readServices(home)?.temporal;
  if (own && own.address === target.address) return own.ui;
  const [host = '127.0.0.1'] = target.address.split(':');
  return host.endsWith('.tmprl.cloud') || host.endsWith('.api.temporal.io')
    ? 'https://cloud.temporal.io'
    : `http://${host}:8233`;
}
