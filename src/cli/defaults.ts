/** The defaults that the help of the commands shows; apart from the commands, whose modules are loaded when they run. */
import path from 'node:path';

/** The pipeline that the demo runs. */
export const EXAMPLE_PIPELINE = path.join(
  import.meta.dirname,
  '..',
  '..',
  'examples',
  'support-triage',
  'pipeline.yaml',
);

/** Port of the gateway. */
export const GATEWAY_PORT = 8787;

/** Port of the receiver of webhooks. */
export const WEBHOOKS_PORT = 8788;

/** The variable with the secret that webhooks are signed with. */
export const WEBHOOK_SECRET = 'OPENAI_WEBHOOK_SECRET';
