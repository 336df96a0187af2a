import { type Pipeline, pipelineSchema } from '../../config/pipeline.ts';
import type { StoredKind } from './format.ts';

/** The checked pipeline that a client stores when it starts a run. */
export const DEFINITION: StoredKind<Pipeline> = {
  name: 'definition of a pipeline',
  format: 1,
  oldest: 0,
  schema: pipelineSchema,
};
