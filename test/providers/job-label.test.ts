import fc from 'fast-check';
import { isLabelOf, jobLabel, labelOwner } from '../../src/providers/job-label.ts';

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const job = fc.record({
  key: hex(64),
  owner: fc.record({
    pipeline: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/),
    workflowId: fc.constant('shop/1/a'),
    executionId: fc.uuid(),
  }),
});

test('a label of any allowed length is known again by the key and names the execution', () => {
  fc.assert(
    fc.property(job, fc.integer({ min: 21, max: 64 }), (request, longest) => {
      const label = jobLabel(request, longest);
      expect(label.length).toBeLessThanOrEqual(longest);
      expect(label).toMatch(/^[a-z0-9][a-z0-9-]*[0-9a-f]$/);
      expect(isLabelOf(label, request)).toBe(true);
      expect(request.owner.executionId.endsWith(labelOwner(label)?.executionEnd ?? 'none')).toBe(true);
    }),
  );
});

test('the labels of two executions that began in the same minute name different owners', () => {
  const labelOf = (executionId: string) =>
    jobLabel({ key: '0'.repeat(64), owner: { pipeline: 'shop', workflowId: 'shop/1/a', executionId } }, 40);
  const one = labelOf('01a22bff-88da-7708-94a2-801cef40c65a');
  expect(labelOwner(one)).not.toEqual(labelOwner(labelOf('01a22bff-9f10-7c41-a8d3-5b1c0d9e2f70')));
});

test('a label of another key is not taken for this one', () => {
  fc.assert(
    fc.property(job, hex(64), (request, key) => {
      fc.pre(!key.startsWith(request.key.slice(0, 12)));
      expect(isLabelOf(jobLabel(request, 40), { key })).toBe(false);
    }),
  );
});

test.each([
  null,
  undefined,
  '',
  'support',
  'support-triage',
  'my-model-v2',
  '0123456789ab-0123456',
  'x-0123456789AB-01234567',
])('the suffix %j of somebody else names no owner', (suffix) => {
  expect(labelOwner(suffix)).toBeUndefined();
  expect(isLabelOf(suffix, { key: '0123456789ab' })).toBe(false);
});
