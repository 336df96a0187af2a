import { pipelineSchema } from '../../src/config/pipeline.ts';
import { planNotes } from '../../src/planning/plan-notes.ts';
import { profileOf } from '../../src/providers/profiles/index.ts';

const pipeline = pipelineSchema.parse({
  name: 'shop',
  task: 'classification',
  source: { type: 'jsonl', path: 'log.jsonl' },
  candidates: { models: ['gpt-4.1-mini'] },
});

test('the profile generic names the fields that it sends', () => {
  const profile = profileOf({ profile: 'generic', baseURL: 'http://127.0.0.1:1/v1', apiKeyEnv: 'KEY' });
  expect(planNotes(profile, pipeline)).toEqual([
    'The profile generic sends learning_rate_multiplier, n_epochs, batch_size where it is given, seed, suffix, metadata, ' +
      'validation_file; a server that ignores one of these trains something else.',
  ]);
});

test('the profile openai at the address of somebody else names the fields that it sends, and no end of OpenAI', () => {
  const profile = profileOf({ profile: 'openai', baseURL: 'https://llm.example.com/v1', apiKeyEnv: 'KEY' });
  expect(planNotes(profile, pipeline)).toEqual([
    expect.stringMatching(/^The profile openai sends learning_rate_multiplier/),
  ]);
});

test('a provider without figures during training lets the sweep train to the end, and the plan says so', () => {
  const profile = profileOf('openai');
  const silent = { ...profile, closes: null, jobs: { ...profile.jobs, metrics: 'none' as const } };
  expect(planNotes(silent, pipeline)).toEqual([expect.stringContaining('the sweep trains to the end')]);
  const wanted = { ...pipeline.candidates, early_stop: false };
  expect(planNotes(silent, { candidates: wanted })).toEqual([]);
});

test('the end of a provider is a note', () => {
  expect(planNotes(profileOf('openai'), pipeline)).toEqual([expect.stringContaining('on 2027-01-06')]);
});

test('a provider that only trains leaves the hours of serving out of the estimate, and the plan says so', () => {
  expect(planNotes(profileOf('nebius'), pipeline)).toContainEqual(
    expect.stringMatching(/^nebius trains only: the hours .* are not in this estimate\.$/),
  );
});
