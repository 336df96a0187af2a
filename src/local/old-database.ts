import type { Client } from '@temporalio/client';

const DEADLINE_MS = 5_000;

/**
 * Whether the server's database was made by an older server whose tables this one cannot list schedules from, because the development
 * server makes its tables once and never changes them. Workflows in such a database continue.
 *
 * @param log the last lines of the server's log, which alone says why it cannot list
 */
export async function hasOldTables(client: Client, log: () => string): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + DEADLINE_MS, async () => {
      for await (const _first of client.schedule.list()) break;
    });
    return false;
  } catch {
    // Other failures say nothing about the tables; the next caller meets them.
    return /no such column/.test(log());
  }
}
