import fc from 'fast-check';
import { Account } from '../../../src/core/run/account.ts';

type Operation =
  | { kind: 'reserve'; id: string; usd: number }
  | { kind: 'settle'; id: string; usd: number | null }
  | { kind: 'carry' };

// Few ids, so that operations meet and are repeated.
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const usd = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 20, noNaN: true }), fc.constantFrom(0.1, 0.2, 0.7, 10));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('reserve' as const), id, usd }),
  fc.record({ kind: fc.constant('settle' as const), id, usd: fc.oneof(fc.constant(null), usd) }),
  fc.record({ kind: fc.constant('carry' as const) }),
);
const operations = fc.array(operation, { maxLength: 60 });
const cap = fc.double({ min: 0, max: 30, noNaN: true });

const total = (account: Account) => account.spentUsd + account.reservedUsd;

test('spent and reserved money never exceed the cap, if work costs no more than its reservation', () => {
  fc.assert(
    fc.property(operations, cap, (steps, capUsd) => {
      let account = new Account();
      const open = new Map<string, number>();
      for (const step of steps) {
        if (step.kind === 'reserve') {
          if (account.reserve(step.id, step.usd, capUsd) === null && !open.has(step.id)) open.set(step.id, step.usd);
        } else if (step.kind === 'settle') {
          const most = open.get(step.id) ?? 0;
          account.settle(step.id, step.usd === null ? null : Math.min(step.usd, most));
          open.delete(step.id);
        } else {
          account = new Account(JSON.parse(JSON.stringify(account.state)));
        }
        expect(total(account)).toBeLessThanOrEqual(capUsd + 1e-6);
        expect(account.reservedUsd).toBeCloseTo(
          [...open.values()].reduce((sum, each) => sum + each, 0),
          6,
        );
      }
    }),
  );
});

test('a repeated operation changes nothing, because a caller that did not hear the answer asks again', () => {
  fc.assert(
    fc.property(operations, cap, (steps, capUsd) => {
      const once = new Account();
      const twice = new Account();
      const apply = (account: Account, step: Operation) => {
        if (step.kind === 'reserve') return account.reserve(step.id, step.usd, capUsd);
        if (step.kind === 'settle') account.settle(step.id, step.usd);
        return null;
      };
      for (const step of steps) {
        const first = apply(once, step);
        expect(apply(twice, step)).toBe(first);
        expect(apply(twice, step)).toBe(first);
      }
      expect(twice.state).toEqual(once.state);
    }),
  );
});

test('a refused reservation holds nothing back', () => {
  fc.assert(
    fc.property(usd, usd, cap, (before, wanted, capUsd) => {
      const account = new Account({ spentUsd: before, reserved: {} });
      const refusal = account.reserve('a', wanted, capUsd);
      expect(account.state).toEqual({ spentUsd: before, reserved: refusal === null ? { a: wanted } : {} });
    }),
  );
});

test('exactly one of many reservations gets the last dollar, whichever comes first', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...Array(20).keys()], { minLength: 1 }), (order) => {
      const account = new Account({ spentUsd: 9, reserved: {} });
      const granted = order.filter((who) => account.reserve(`run-${who}`, 1, 10) === null);
      expect(granted).toEqual(order.slice(0, 1));
    }),
  );
});

test('a cap is reached exactly in spite of the rounding of floats', () => {
  const account = new Account();
  for (const each of [0.1, 0.2, 0.7]) expect(account.reserve(`${each}`, each, 1)).toBeNull();
  expect(account.reserve('more', 0.000001, 1)).toMatch(/^needs .*; of .*, .* are spent and .* reserved$/);
});

test('costs that are not known count as the whole reservation', () => {
  const account = new Account();
  account.reserve('a', 3, 10);
  account.settle('a', null);
  expect(account.state).toEqual({ spentUsd: 3, reserved: {} });
});

test('work that cost more than its reservation is booked in full, and nothing is granted beyond the cap after it', () => {
  const account = new Account();
  account.reserve('a', 3, 4);
  account.settle('a', 5);
  expect(account.spentUsd).toBe(5);
  expect(account.reserve('b', 0.01, 4)).not.toBeNull();
});

test('without a cap everything is granted and counted', () => {
  const account = new Account();
  expect(account.reserve('a', 1e9, null)).toBeNull();
  expect(account.reservedUsd).toBe(1e9);
});

test.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])('an amount of %d cannot be reserved, cap or not', (amount) => {
  for (const capUsd of [10, null]) {
    const account = new Account();
    expect(account.reserve('a', amount, capUsd)).toContain('cannot be reserved');
    expect(account.reservedUsd).toBe(0);
  }
});

test('a reservation is refused where a figure is NaN', () => {
  expect(new Account().reserve('a', 1, Number.NaN)).not.toBeNull();
  const account = new Account();
  account.reserve('a', 1, 10);
  account.settle('a', Number.NaN);
  expect(account.reserve('b', 1, 10)).not.toBeNull();
});

test('settling an unknown reservation books nothing', () => {
  const account = new Account();
  account.settle('a', 5);
  account.settle('a', null);
  expect(account.state).toEqual({ spentUsd: 0, reserved: {} });
});

test('the state is a copy: changing it changes no account', () => {
  const account = new Account();
  account.reserve('a', 1, 10);
  const { state } = account;
  state.reserved.b = 5;
  state.spentUsd = 5;
  expect(account.state).toEqual({ spentUsd: 0, reserved: { a: 1 } });
});
