import fc from 'fast-check';
import {
  CALL_OUTCOMES,
  readServedCall,
  type ServedCall,
  servedCallMetadata,
} from '../../src/deployment/served-call.ts';

const arm = fc.constantFrom('champion' as const, 'canary' as const, 'original' as const);

const servedCall: fc.Arbitrary<ServedCall> = fc.record({
  deployment: fc.string({ minLength: 1 }),
  decision: fc.nat(),
  arm,
  outcome: fc.constantFrom(...CALL_OUTCOMES),
  answeredBy: fc.option(arm),
  armLatencyMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true, noDefaultInfinity: true }).map((ms) => ms + 0)),
});

test('what a call leaves in the log is read as it was, among metadata of anybody else', () => {
  fc.assert(
    fc.property(servedCall, fc.dictionary(fc.string(), fc.string()), (call, others) => {
      expect(readServedCall({ ...others, ...servedCallMetadata(call) })).toEqual(call);
    }),
  );
});

test('rows of anybody else are no served calls, whatever their metadata says', () => {
  expect(readServedCall(undefined)).toBeNull();
  fc.assert(
    fc.property(
      servedCall,
      fc.constantFrom('deployment', 'decision', 'arm', 'outcome'),
      fc.string(),
      (call, key, odd) => {
        const metadata = { ...servedCallMetadata(call), [`tuneloop_${key}`]: key === 'deployment' ? '' : `x${odd}` };
        expect(readServedCall(metadata)).toBeNull();
      },
    ),
  );
});
