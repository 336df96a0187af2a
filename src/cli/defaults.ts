/** The defaults that the help of the commands shows; apart from the commands, whose modules are loaded when they run. */
import path from 'node:path';

const EXAMPLE = path.join(import.meta.dirname, '..', '..', 'examples', 'support-triage');

/** The pipeline that the demo runs. */
export const EXAMPLE_PIPELINE = path.join(EXAMPLE, 'pipeline.yaml');

/** The one of `demo --llm`. */
export const LLM_EXAMPLE_PIPELINE = path.join(EXAMPLE, 'llm.yaml');

/** Port of the gateway. */
export const GATEWAY_PORT = 8787;

/** Port of the receiver of webhooks. */
export const WEBHOOKS_PORT = 8788;

/** The variable with the secret that webhooks are signed with. */
export const WEBHOOK_SECRET = 'OPENAI_WEBHOOK_SECRET';
