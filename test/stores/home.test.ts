import path from 'node:path';
import {
  artifactFile,
  canaryFile,
  deploymentFolder,
  isLabellingScratch,
  keptOutFile,
  labellingScratchPrefix,
  pastWinnersFile,
  runFolder,
  scratchFolder,
  teacherAnswersFile,
} from '../../src/stores/home.ts';

const HOME = '/home';

test('the paths of a home stay those that earlier versions have written', () => {
  const hash = `ab${'0'.repeat(62)}`;
  expect(artifactFile(HOME, hash)).toBe(`/home/artifacts/ab/${hash}`);
  expect(deploymentFolder(HOME, 'support')).toBe('/home/deployments/support');
  expect(canaryFile(HOME, 'support')).toBe('/home/deployments/support/canary.json');
  expect(runFolder(HOME, 'support/2026-11')).toBe('/home/runs/support/2026-11');
  expect(scratchFolder(HOME, 'support/2026-11')).toBe('/home/runs/support/2026-11/scratch');
  expect(teacherAnswersFile(HOME, 'label/support', 'm/4')).toBe('/home/runs/label/support/answers-m_4.jsonl');
  expect(keptOutFile(HOME, 'label/support')).toBe('/home/runs/label/support/kept-out.jsonl');
  expect(pastWinnersFile(HOME, 'support')).toBe('/home/past-winners/support.json');
});

test.each(['..', '.', '', '../../etc', '/etc/passwd', 'a\0b'])('the name %j cannot leave its folder', (name) => {
  for (const place of [deploymentFolder(HOME, name), canaryFile(HOME, name), pastWinnersFile(HOME, name)]) {
    expect(path.relative(HOME, place)).toMatch(/^(deployments|past-winners)\/[^/]+/);
    expect(place).not.toContain('/../');
  }
});

test('a scratch folder of labelling is known by its name', () => {
  expect(isLabellingScratch(path.basename(`${labellingScratchPrefix(HOME)}a1B2c3`))).toBe(true);
  expect(isLabellingScratch('runs')).toBe(false);
});
