import { askedAlternatives } from '../../../src/core/run/alternatives.ts';

test('an alternative is asked with and without the constraint, so that a report can show both', () => {
  expect(askedAlternatives({ alternatives: ['a', 'b'], constrain: 'labels' })).toEqual([
    { model: 'a', constrained: false },
    { model: 'a', constrained: true },
    { model: 'b', constrained: false },
    { model: 'b', constrained: true },
  ]);
});

test('an alternative is asked once where nothing is constrained', () => {
  expect(askedAlternatives({ alternatives: ['a'] })).toEqual([{ model: 'a', constrained: false }]);
});
