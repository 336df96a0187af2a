import type { Environment } from '../config/environment.ts';
import { readServices } from '../stores/services-file.ts';
import type { TemporalTarget } from '../worker/connection.ts';

/** The address of a server's Web UI: as configured, as recorded for our own server, or at the usual place of such a server. */
export function webUiOf({ home, temporalUi }: Environment, target: TemporalTarget): string {
  if (temporalUi) return temporalUi.replace(/\/$/, '');
  const own = readServices(home)?.temporal;
  if (own && own.address === target.address) return own.ui;
  const [host = '127.0.0.1'] = target.address.split(':');
  return host.endsWith('.tmprl.cloud') || host.endsWith('.api.temporal.io')
    ? 'https://cloud.temporal.io'
    : `http://${host}:8233`;
}

/** The page of a workflow in Temporal's Web UI. */
export function webUrl(ui: string, namespace: string, workflowId: string): string {
  return `${ui}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
}
