import { z } from 'zod';
import { readDatabaseUrl } from '../../config/environment.ts';
import { LazySource } from '../lazy-source.ts';
import { column, columns } from './keys.ts';
import { defineSource } from './kind.ts';

/** The rows that a query of a Postgres database gives. */
export const postgres = defineSource({
  type: 'postgres',
  keys: {
    urlEnv: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable, not the address itself')
      .describe('name of the environment variable that holds postgres://user:password@host/database'),
    query: z.string().min(1).describe('a SELECT of one row a call; it cannot write'),
    cursor: column
      .optional()
      .describe(
        'a column that only grows and is never null (a time, a number): later runs read from its last value on; without it, every run reads everything',
      ),
    columns,
  },
  open({ urlEnv, query, cursor, columns }, { env }) {
    const url = readDatabaseUrl(urlEnv, env);
    return new LazySource(async () => {
      const { PostgresSource } = await import('../postgres.ts');
      return new PostgresSource({ url, query, cursorColumn: cursor, columns });
    });
  },
  toErase: ({ urlEnv }) =>
    `the database that ${urlEnv} names was not looked at: search there for the id, and delete the row there`,
});
