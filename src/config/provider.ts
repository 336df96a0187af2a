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
      profile: z
        .enum([...PROFILE_NAMES, 'generic'])
        .optional()
        .describe('what the server does; generic: all that OpenAI does. Known hosts need none'),
      baseURL: z
        .url()
        .optional()
        .describe(
          'where the protocol is spoken, for example https://api.example.com/v1; default: as the profile has it',
        ),
      trainer: z
        .url()
        .optional()
        .describe(
          'a trainer of Tuneloop on another machine, for example https://gpu-box.example.com; its token is in apiKeyEnv',
        ),
      machine_usd_per_hour: z
        .number()
        .gte(0)
        .optional()
        .describe("what an hour costs in which the machine of a trainer of Tuneloop works; default: the price list's"),
      addresses: z
        .record(z.string(), z.url())
        .optional()
        .describe('further addresses, such as inference: where tuned models are asked'),
      apiKeyEnv: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable, not the key itself')
        .optional()
        .describe('name of the environment variable that holds the key; default: as the profile has it'),
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
        .describe('what the server takes, where that is not what its profile says'),
      options: z
        .record(z.string(), z.unknown())
        .optional()
        .describe('settings of the provider; `tuneloop providers NAME` lists them'),
    })
    .superRefine(({ baseURL, trainer, addresses = {} }, context) => {
      const given: [string[], string | undefined][] = [
        [['baseURL'], baseURL],
        [['trainer'], trainer],
        ...Object.entries(addresses).map(([name, url]): [string[], string] => [['addresses', name], url]),
      ];
      for (const [path, url] of given) {
        if (url !== undefined && !isSafeBaseURL(url)) context.addIssue({ code: 'custom', path, message: SAFE_ADDRESS });
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
