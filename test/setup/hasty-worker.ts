/**
 * Loaded before `src/worker.ts` (`node --import`): its times to stop are a second and three instead of half a minute and
 * a minute, and nothing else is different.
 */
import { Worker } from '@temporalio/worker';

const create = Worker.create.bind(Worker);
Worker.create = (options) => create({ ...options, shutdownGraceTime: '1 second', shutdownForceTime: '3 seconds' });
