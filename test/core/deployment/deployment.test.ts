import fc from 'fast-check';
import type { DeployedModel } from '../../../src/core/deployment/deployed-model.ts';
import {
  Deployment,
  type DeploymentState,
  newDeployment,
  type PromotionPolicy,
  type Proposal,
} from '../../../src/core/deployment/deployment.ts';

const NOW = Date.parse('2026-11-23T08:00:00.000Z');
const HOUR_MS = 3_600_000;
const REF = { uri: 'sha256:00', sha256: '00', bytes: 1, rows: 1 };
const ANA = { by: 'person:ana', why: 'looks good' };

const APPROVAL: PromotionPolicy = {
  automatic: false,
  deadlineMs: 72 * HOUR_MS,
  stages: [
    { share: 0.1, minCalls: 200 },
    { share: 0.5, minCalls: 500 },
  ],
  everyMs: 60_000,
  limits: { max_errors: 0.02, max_slowdown: 2, max_quality_loss: 0.02 },
};
const AUTOMATIC = { ...APPROVAL, automatic: true };

function model(name: string): DeployedModel {
  return {
    model: name,
    baseModel: 'local-base',
    treatment: 'strip',
    run: `triage/${name}`,
    candidate: 'local-base-lr1-e4',
    definition: REF,
    datasetVersion: 'triage@1',
    manifest: REF,
    judged: null,
  };
}

function proposal(winner: string | null, policy = APPROVAL): Proposal {
  return {
    run: `triage/${winner ?? 'none'}`,
    definition: REF,
    datasetVersion: 'triage@1',
    manifest: REF,
    originalModel: 'local-base',
    winner: winner === null ? null : model(winner),
    by: 'run',
    why: 'It is better.',
    policy,
  };
}

function deployment(state: DeploymentState = newDeployment('triage')): Deployment {
  return new Deployment(state, () => NOW);
}

/** A deployment whose champion is this model. */
function serving(name: string): Deployment {
  const entity = deployment();
  entity.propose(proposal(name, { ...AUTOMATIC, stages: [] }));
  return entity;
}

const kinds = ({ state }: Deployment) => state.decisions.map(({ kind }) => kind);

test('a winner waits for a person until its deadline, and changes nothing before', () => {
  const entity = deployment();
  expect(entity.propose(proposal('a'))).toMatchObject({ number: 1, kind: 'proposed', model: 'a', by: 'run' });
  expect(entity.state).toMatchObject({ champion: null, challenger: { model: 'a', state: { kind: 'waiting' } } });
  expect(entity.deadline).toBe(NOW + 72 * HOUR_MS);
  expect(entity.expire()).toMatchObject({ kind: 'expired', by: 'deadline' });
  expect(entity.state).toMatchObject({ champion: null, challenger: null });
});

test('an approved winner passes the stages of the canary one after another, then it serves', () => {
  const entity = serving('old');
  entity.propose(proposal('new'));
  entity.approve({ decision: entity.state.decision, ...ANA });
  expect(entity.canary).toMatchObject({ share: 0.1, minCalls: 200, decision: entity.state.decision });
  expect(entity.state.champion?.model).toBe('old');
  entity.advance('200 calls');
  expect(entity.canary).toMatchObject({ share: 0.5, minCalls: 500 });
  entity.advance('500 calls');
  expect(entity.state).toMatchObject({ champion: { model: 'new' }, previous: [{ model: 'old' }], challenger: null });
  expect(kinds(entity).slice(2)).toEqual(['proposed', 'approved', 'canary', 'canary', 'promoted']);
});

test('a pipeline that promotes by itself waits for no person', () => {
  const entity = deployment();
  expect(entity.propose(proposal('a', AUTOMATIC))).toMatchObject({ kind: 'canary', by: 'promotion' });
  expect(serving('a').state).toMatchObject({ champion: { model: 'a' } });
});

test('a run without a winner keeps the serving model, and is remembered', () => {
  const entity = serving('a');
  expect(entity.propose(proposal(null))).toMatchObject({ kind: 'kept', model: 'a' });
  expect(entity.state).toMatchObject({ champion: { model: 'a' }, lastRun: { run: 'triage/none' } });
});

test('a person may propose the winner of an older run, and the newest run stays the newest', () => {
  const entity = serving('a');
  entity.propose(proposal(null));
  expect(entity.propose({ ...proposal('b'), by: 'person:ana' })).toMatchObject({ kind: 'proposed', by: 'person:ana' });
  expect(entity.state.lastRun?.run).toBe('triage/none');
});

test('a newer winner takes the place of a waiting one, and a decision records that', () => {
  const entity = deployment();
  entity.propose(proposal('a'));
  entity.propose(proposal('b'));
  expect(entity.state.challenger?.model).toBe('b');
  expect(kinds(entity)).toEqual(['proposed', 'superseded', 'proposed']);
});

test('a winner does not end the canary of another one', () => {
  const entity = deployment();
  entity.propose(proposal('a', AUTOMATIC));
  expect(entity.propose(proposal('b', AUTOMATIC))).toMatchObject({ kind: 'kept' });
  expect(entity.state.challenger?.model).toBe('a');
  expect(entity.state.decisions.at(-1)?.why).toContain('a is being tried');
});

test('a rollback ends a canary first, then goes back one champion after another, and finally to the original prompt', () => {
  const entity = serving('one');
  for (const name of ['two', 'three']) entity.propose(proposal(name, { ...AUTOMATIC, stages: [] }));
  entity.propose(proposal('four', AUTOMATIC));
  const serves = () => entity.state.champion?.model ?? null;
  const seen: unknown[] = [];
  while (entity.cannotRollBack({ decision: entity.state.decision, ...ANA }) === null) {
    entity.rollBack(ANA);
    seen.push(serves());
  }
  expect(seen).toEqual(['three', 'two', 'one', null]);
  expect(entity.state.challenger).toBeNull();
});

test('a person who has not seen the newest decision is told of it', () => {
  const entity = deployment();
  entity.propose(proposal('a'));
  const late = { decision: 0, ...ANA };
  for (const refusal of [
    entity.cannotApprove(late),
    entity.cannotReject(late),
    entity.cannotRollBack(late),
    entity.cannotSetCanary({ ...late, share: 0.5 }),
    entity.cannotPropose(late),
  ]) {
    expect(refusal).toBe('decision 1 (proposed by run) came after decision 0: look at the deployment again');
  }
});

test('an impossible decision is refused', () => {
  const entity = deployment();
  const now = { decision: 0, ...ANA };
  expect(entity.cannotApprove(now)).toBe('no winner waits for approval');
  expect(entity.cannotReject(now)).toBe('there is no winner to reject');
  expect(entity.cannotRollBack(now)).toContain('nothing to go back to');
  expect(entity.cannotSetCanary({ ...now, share: 0.1 })).toBe('there is no winner to try');
  entity.propose(proposal('a'));
  for (const share of [0, -1, 1.1, Number.NaN]) {
    expect(entity.cannotSetCanary({ ...now, decision: 1, share })).toBe('a share is more than 0 and at most 1');
  }
});

test('a person may choose the share of a canary, and its stages continue from there', () => {
  const entity = deployment();
  entity.propose(proposal('a'));
  entity.setCanary({ decision: 1, share: 0.3, ...ANA });
  expect(entity.canary).toMatchObject({ share: 0.3, minCalls: 200 });
  entity.advance('stood');
  expect(entity.canary?.share).toBe(0.5);
  entity.setCanary({ decision: entity.state.decision, share: 1, ...ANA });
  expect(entity.state.champion?.model).toBe('a');
});

test('after any decisions: numbers have no gap, and only a challenger or an earlier champion ever serves', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('propose' as const), automatic: fc.boolean(), wins: fc.boolean() }),
    fc.record({ do: fc.constantFrom('approve', 'reject', 'rollBack', 'advance', 'expire', 'canary' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const entity = deployment();
      const proposed = new Set<string>();
      for (const [place, each] of steps.entries()) {
        const now = { decision: entity.state.decision, ...ANA };
        if (each.do === 'propose') {
          if (each.wins) proposed.add(`m${place}`);
          entity.propose(proposal(each.wins ? `m${place}` : null, each.automatic ? AUTOMATIC : APPROVAL));
        }
        if (each.do === 'approve' && !entity.cannotApprove(now)) entity.approve(now);
        if (each.do === 'reject' && !entity.cannotReject(now)) entity.reject(now);
        if (each.do === 'rollBack' && !entity.cannotRollBack(now)) entity.rollBack(now);
        if (each.do === 'canary' && !entity.cannotSetCanary({ ...now, share: 0.7 })) {
          entity.setCanary({ ...now, share: 0.7 });
        }
        if (each.do === 'advance' && entity.canary) entity.advance('stood');
        if (each.do === 'expire' && entity.deadline !== null) entity.expire();
      }
      const { champion, previous, decision, decisions } = entity.state;
      expect(decisions.map(({ number }) => number)).toEqual(decisions.map((_, place) => place + 1));
      expect(decision).toBe(decisions.length);
      const served = [champion, ...previous].flatMap((each) => each?.model ?? []);
      expect(new Set(served).size).toBe(served.length);
      for (const name of served) expect(proposed).toContain(name);
      expect(JSON.parse(JSON.stringify(entity.state))).toEqual(entity.state);
    }),
  );
});
