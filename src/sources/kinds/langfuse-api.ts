import { z } from 'zod';
import { readLangfuseKey } from '../../config/environment.ts';
import { LangfuseApiSource } from '../langfuse-api.ts';
import { rowOptions } from './keys.ts';
import { defineSource } from './kind.ts';

const variable = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable, not the key itself');

/** The public API of Langfuse. */
export const langfuseApi = defineSource({
  type: 'langfuse-api',
  keys: {
    baseURL: z.url().default('https://cloud.langfuse.com').describe('the address of Langfuse, without /api/public'),
    publicKeyEnv: variable.default('LANGFUSE_PUBLIC_KEY').describe('name of the variable that holds the public key'),
    secretKeyEnv: variable.default('LANGFUSE_SECRET_KEY').describe('name of the variable that holds the secret key'),
    ...rowOptions,
  },
  open: ({ baseURL, publicKeyEnv, secretKeyEnv, ...options }, { env, rows }) =>
    new LangfuseApiSource({
      baseURL,
      publicKey: readLangfuseKey(publicKeyEnv, env),
      secretKey: readLangfuseKey(secretKeyEnv, env),
      rows: { ...options, ...rows },
    }),
  toErase: ({ baseURL }) => `Langfuse at ${baseURL} was not looked at: delete the trace there`,
});
