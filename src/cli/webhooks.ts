import { pino } from 'pino';
import { readWebhookSecret } from '../config/environment.ts';
import { checkSecret } from '../contract/webhook-signature.ts';
import { startReceiver } from '../gateway/webhooks/receiver.ts';
import { wakeJob } from '../gateway/webhooks/wake-job.ts';
import { webhooksFolder } from '../stores/home.ts';
import { registerSearchAttributes } from '../worker/register-search-attributes.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { withSession } from './session.ts';

export interface WebhooksOptions {
  port: number;
  /** Name of the variable that holds the secret. */
  secretEnv: string;
  json?: boolean;
}

/** `webhooks`: receives the provider's messages about ended jobs, until it is told to stop. */
export function webhooks({ port, secretEnv, json }: WebhooksOptions): Promise<number> {
  const secret = checkSecret(readWebhookSecret(secretEnv), secretEnv);
  return withSession(async ({ environment, client }) => {
    const log = pino({ level: environment.logLevel }, pino.destination(2));
    const stopped = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
    await registerSearchAttributes(client).catch((error: unknown) => {
      log.warn(`search attributes could not be registered, ask an administrator of the namespace: ${error}`);
    });
    const receiver = await startReceiver({
      port,
      folder: webhooksFolder(environment.home),
      secret,
      onJobEnded: (jobId) => wakeJob(client, jobId),
      log,
    });
    printResult(json, { url: receiver.url }, () => receiver.url);
    await stopped;
    await receiver.close();
    return EXIT.ok;
  });
}
