import { profileOf } from '../../../src/providers/profiles/index.ts';

const leaseOf = (profile: 'azure' | 'crusoe', options: Record<string, unknown>) =>
  profileOf({ profile, options }).serving.lease;

test("Crusoe charges adapters on shared machines by tokens, and a machine of one's own by the hour", () => {
  expect(leaseOf('crusoe', {})).toMatchObject({ paidByHour: false });
  expect(leaseOf('crusoe', { serving: 'lora' })).toMatchObject({ paidByHour: false });
  expect(leaseOf('crusoe', { serving: 'deployment' })).toMatchObject({ paidByHour: true, models: 1, servesBase: true });
});

test('Azure charges the hours of all deployments but those of the developer tier, which end by themselves', () => {
  expect(leaseOf('azure', {})).toMatchObject({ paidByHour: false, idleMinutes: 1440 });
  expect(leaseOf('azure', { deployment_sku: 'standard' })).toMatchObject({ paidByHour: true, idleMinutes: null });
  expect(leaseOf('azure', { deployment_sku: 'globalstandard' })).toMatchObject({ paidByHour: true, idleMinutes: null });
});

test('Nebius trains all weights at a tenth of the usual rate, without a rank', () => {
  expect(profileOf('nebius').jobs).toMatchObject({ learningRate: { base: 1e-4 }, loraRank: { default: 16 } });
  expect(profileOf({ profile: 'nebius', options: { lora: false } }).jobs).toMatchObject({
    learningRate: { takes: 'rate', base: 1e-5 },
    loraRank: null,
  });
});

test.each(['gpt-4.1-mini-2025-04-14.ft-0001', 'ftchkpt-0001'])('%s is a tuned model at Azure', (id) => {
  expect(profileOf('azure').ids.tunedModel.test(id)).toBe(true);
});

test('a base model of Azure is no tuned one', () => {
  for (const { id } of profileOf('azure').models) expect(profileOf('azure').ids.tunedModel.test(id)).toBe(false);
});
