import fc from 'fast-check';
import {
  CALL_OUTCOMES,
  metadataOfDeployment,
  readServedCall,
  type ServedCall,
  servedCallMetadata,
} from '../../../packages/app/src/predict/served-call.ts';

const arm = fc.constantFrom('champion' as const, 'canary' as const, 'original' as const);

const servedCall: fc.Arbitrary<ServedCall> = fc.record({
  deployment: fc.string({ minLength: 1 }),
  decision: fc.nat(),
  arm,
  outcome: fc.constantFrom(...CALL_OUTCOMES),
  answeredBy: fc.option(arm),
  armLatencyMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true, noDefaultInfinity: true }).map((ms) => ms + 0)),
});

const SERVED: ServedCall = {
  deployment: 'shop',
  decision: 4,
  arm: 'canary',
  outcome: 'ok',
  answeredBy: 'canary',
  armLatencyMs: 120,
};

test('the metadata of a served call is read as it was written, among other metadata', () => {
  fc.assert(
    fc.property(servedCall, fc.dictionary(fc.string(), fc.string()), (call, others) => {
      expect(readServedCall({ ...others, ...servedCallMetadata(call) })).toEqual(call);
    }),
  );
});

test('rows of other programs are no served calls, whatever their metadata says', () => {
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

test.each(['', ' ', '-1', '1.5', '1e3', '0x10', 'NaN', '9007199254740993'])(
  'a decision "%s" is invalid',
  (decision) => {
    expect(readServedCall({ ...servedCallMetadata(SERVED), tuneloop_decision: decision })).toBeNull();
  },
);

test.each(['', ' ', '-1', 'NaN', 'Infinity', 'soon'])('a latency "%s" is not known', (latency) => {
  const metadata = { ...servedCallMetadata(SERVED), tuneloop_arm_latency_ms: latency };
  expect(readServedCall(metadata)).toEqual({ ...SERVED, armLatencyMs: null });
});

test('the calls of a deployment are told from others by their common metadata', () => {
  fc.assert(
    fc.property(servedCall, fc.string({ minLength: 1 }), (call, deployment) => {
      const isMine = Object.entries(metadataOfDeployment(deployment)).every(
        ([key, value]) => servedCallMetadata(call)[key] === value,
      );
      expect(isMine).toBe(call.deployment === deployment);
      expect(servedCallMetadata(call)).toMatchObject(metadataOfDeployment(call.deployment));
    }),
  );
});
