import type { StoredKind } from '../contract/stored/format.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import { pipelineSchema } from './pipeline.ts';

/** The checked pipeline that a client stores when it starts a run. */
export const DEFINITION: StoredKind<Pipeline> = {
  name: 'definition of a pipeline',
  format: 1,
  oldest: 0,
  schema: pipelineSchema,
};
