import { z } from 'zod';
import { fraction } from './figures.ts';
import { isSafeBaseURL, SAFE_ADDRESS } from './provider.ts';

/** The key `promotion` of a pipeline. */
export const promotionSchema = z
  .strictObject({
    by: z
      .enum(['approval', 'automatic'])
      .default('approval')
      .describe('approval: a person says yes or no to a winner; automatic: what the run recommends is deployed'),
    deadline_hours: z
      .number()
      .gt(0)
      .lte(24 * 90)
      .default(72)
      .describe('a winner that nobody has approved by then is rejected; a reminder goes out after half of it'),
    canary: z
      .strictObject({
        stages: z
          .array(z.strictObject({ share: fraction.gt(0), min_calls: z.int().gte(1) }))
          .max(10)
          .default([
            { share: 0.1, min_calls: 200 },
            { share: 0.5, min_calls: 500 },
          ])
          .describe(
            'shares of the calls that a new champion gets first, and how many of them it has to stand; [] for none',
          ),
        every_seconds: z.number().gte(1).lte(86_400).default(60).describe('how often the log is looked at'),
        max_errors: fraction
          .default(0.02)
          .describe('calls that fail or give invalid answers may be more by so much than those of the champion'),
        max_slowdown: z.number().gt(1).default(2).describe('how many times as long as the champion it may take'),
        max_quality_loss: fraction
          .default(0.02)
          .describe('how much less often it may be right, where right answers arrive'),
      })
      .prefault({}),
  })
  .prefault({})
  .describe('how the winner of a run becomes what production calls');

/** The key `notify` of a pipeline. */
export const notifySchema = z
  .union([
    z.strictObject({
      url: z.url().refine(isSafeBaseURL, SAFE_ADDRESS),
      secretEnv: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable, not the secret itself')
        .describe('name of the environment variable with the secret that messages are signed with'),
    }),
    z.strictObject({
      command: z
        .array(z.string().min(1))
        .min(1)
        .describe('a program and its arguments; the message is its standard input'),
    }),
  ])
  .optional()
  .describe('who is told of winners that wait for approval, promotions and rollbacks');

/** The key `retraining` of a pipeline. */
export const retrainingSchema = z
  .strictObject({
    cron: z.string().min(1).optional().describe('five fields: minute hour day month weekday'),
    timezone: z.string().default('UTC').refine(isTimezone, 'must be an IANA name such as Europe/Berlin'),
    jitter_minutes: z.number().gte(0).lte(1440).default(0).describe('starts are spread by chance over this time'),
    min_new_examples: z.int().gte(1).default(200).describe('fewer new examples than this are no reason to train'),
    min_growth: z
      .number()
      .gt(0)
      .default(0.2)
      .describe('new examples are a reason to train once they are this share of those that were there'),
    shutdown_days: z
      .number()
      .gte(0)
      .default(45)
      .describe('so many days before the provider switches the champion off is a reason to train'),
  })
  .prefault({})
  .describe('when `tuneloop schedule create` looks whether there is a reason to train again');

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
