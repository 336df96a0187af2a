import fc from 'fast-check';
import {
  deploymentId,
  jobWorkflowId,
  planId,
  retrainingId,
  runId,
  runName,
  scheduleId,
} from '../../src/contract/ids.ts';

test('a run is named after its moment in UTC, to the millisecond', () => {
  expect(runName(new Date('2026-11-23T08:15:30.042Z'))).toBe('20261123-081530-042');
  expect(runName(new Date('2026-11-23T00:15:30.042+02:00'))).toBe('20261122-221530-042');
});

test('names of runs sort by time and differ by the millisecond', () => {
  const moment = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2100, 0) });
  fc.assert(
    fc.property(moment, moment, (a, b) => {
      const [earlier, later] = [runName(new Date(Math.min(a, b))), runName(new Date(Math.max(a, b)))];
      expect(earlier < later).toBe(a !== b);
      expect(earlier).toMatch(/^\d{8}-\d{6}-\d{3}$/);
    }),
  );
});

test('ids lead from pipeline to run to candidate', () => {
  const run = runId('support', '20261123-081530-042');
  expect(run).toBe('support/20261123-081530-042');
  expect(jobWorkflowId(run, 'local-mini-lr1-e4')).toBe('support/20261123-081530-042/local-mini-lr1-e4');
});

test('scheduled runs belong to their pipeline, and the schedule does not collide with them', () => {
  expect(retrainingId('support')).toBe('retraining/support');
  expect(deploymentId('support')).toBe('deployment/support');
  expect(scheduleId('support')).toBe('tuneloop/support');
});

test('a plan without a run is named after its pipeline and its moment', () => {
  expect(planId('shop', new Date('2026-11-23T08:15:30.042Z'))).toBe('plan/shop-20261123-081530-042');
});
