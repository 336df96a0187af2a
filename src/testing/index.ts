/**
 * The rules that a provider, a source or a store has to keep, as tests: `import { describeTraining } from 'tuneloop/testing'`.
 * Each function declares the tests of one port, for any implementation of it. They run in Jest, Vitest and `node:test`, see
 * {@link TestRunner}, and need no other package.
 *
 * @example
 * ```ts
 * import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
 * import { connectProvider, describeInference } from 'tuneloop/testing';
 *
 * const provider = connectProvider({ profile: 'generic', baseURL: 'http://127.0.0.1:9797/v1', apiKeyEnv: 'OWN_PROVIDER_KEY' });
 * describeInference(
 *   'my server',
 *   async () => ({ inference: provider.inference, model: 'my-model', close: async () => {} }),
 *   { describe, test, beforeAll: before, afterAll: after, beforeEach, afterEach },
 * );
 * ```
 *
 * @module
 */

export type { Completion } from '../core/evaluation/completion.ts';
export type { ArtifactRef } from '../core/run/artifact-ref.ts';
export type { LeaseRequest } from '../core/run/lease.ts';
export { connectProvider } from '../providers/connect.ts';
export type { CompletionRequest, Inference, Model } from '../providers/inference.ts';
export type { Provider } from '../providers/provider.ts';
export { ProviderError } from '../providers/provider-error.ts';
export type { Lease, ListedLease, Serving } from '../providers/serving.ts';
export type { StoredCompletion, StoredLog, StoredPage, StoredQuery } from '../providers/stored-log.ts';
export type { Job, JobIdentity, JobOwner, JobRequest, JobState, OwnedJob, Training } from '../providers/training.ts';
export type { Reading, Source, SourceItem } from '../sources/source.ts';
export type { ArtifactStore, ArtifactWriter } from '../stores/artifact-store.ts';
export type { RecordStore } from '../stores/records.ts';
export { describeArtifactStore } from './artifact-store.ts';
export { describeInference, type InferenceSubject } from './inference.ts';
export { describeRecordStore } from './records.ts';
export type { TestRunner } from './runner.ts';
export { describeServing, type ServingSubject } from './serving.ts';
export { type Call, describeSource, type SourceSettings, type SourceSubject, type SourceTraits } from './sources.ts';
export { describeStoredLog, type StoredLogSubject } from './stored-log.ts';
export { describeTraining, type TrainingSubject } from './training.ts';
