import { z } from 'zod';
import { PROFILE_NAMES } from '../core/run/pipeline.ts';
import { describeProfile } from '../providers/profiles/index.ts';

/** What {@link isSafeBaseURL} asks for, as the end of a message. */
export const SAFE_ADDRESS =
  'must be https:, or http: on a loopback address, because a key or production data are sent there';

/** The key `provider` of a pipeline: a provider that has a profile, or a server of the user's. */
export const providerSchema = z.union([
  ...PROFILE_NAMES.map((name) => z.literal(name).describe(describeProfile(name))),
  z
    .strictObject({
      baseURL: z.url().describe('where the protocol is spoken, for example https://api.example.com/v1'),
      apiKeyEnv: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable, not the key itself')
        .describe('name of the environment variable that holds the key'),
      settling_seconds: z
        .number()
        .gte(0)
        .lte(600)
        .optional()
        .describe('how long a new job may be missing from the list of jobs; default 30'),
      limits: z
        .strictObject({
          fewest_examples: z.int().gte(1).optional().describe('the fewest examples of a training file; default 10'),
          largest_file_mb: z.number().gt(0).optional().describe('the largest training file, in MB; default 512'),
          tokens_per_example: z
            .int()
            .gte(1)
            .optional()
            .describe('the most tokens of an example, prompt and answer together; default 65536'),
        })
        .optional()
        .describe('what the server takes, where that is not what OpenAI takes'),
    })
    .superRefine(({ baseURL }, context) => {
      if (!isSafeBaseURL(baseURL)) {
        context.addIssue({
          code: 'custom',
          path: ['baseURL'],
          message: SAFE_ADDRESS,
        });
      }
    }),
]);

/** Whether a key may be sent to this address: TLS, or this machine. */
export function isSafeBaseURL(baseURL: string): boolean {
  // z.url() has reported it already; both checks run.
  if (!URL.canParse(baseURL)) return true;
  const { protocol, hostname } = new URL(baseURL);
  if (protocol === 'https:') return true;
  return protocol === 'http:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
