import type { CaptureSink } from '@tuneloop/app/internal/capture/sink';
import type { Logger } from 'pino';

export interface GatewayOptions {
  /** Folder of the deployments' aliases. */
  home: string;
  /** TCP port on 127.0.0.1; 0 = any free one. */
  port: number;
  /** Base URL of the local trainer, for deployments of provider `local`. */
  trainerUrl: string;
  /** Asked with the original prompt, instead of the model that the log names. */
  fallbackModel?: string | undefined;
  /** Takes every call that was answered or failed; closed by whoever made it. Default: calls leave no trace. */
  sink?: CaptureSink | undefined;
  /** Default: no log. Neither prompts nor answers nor keys are written to it. */
  log?: Logger | undefined;
}
