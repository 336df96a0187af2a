import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXAMPLE_PIPELINE } from '../../src/cli/defaults.ts';
import { cli, lastJson } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';
import { temporaryFolder } from '../stores/temporary-folder.ts';

const folder = temporaryFolder();
interface Inspected {
  rows: number;
  versions: {
    rows: number;
    share: number;
    prompt: { role: string; content: string }[];
    slots: { name: string; kind: string; values: string[] }[];
    tokens: { before: number; after: number };
    examples: { input: string; completion: string | null }[];
  }[];
  mismatched: { rows: number; examples: { place: string; differs: string }[] };
  verdicts: { verdict: string; rows: number }[];
}
const inspect = async (...args: string[]) => lastJson<Inspected>(await cli(folder, ['inspect', ...args, '--json']));

test('a pipeline file is inspected without a server: prompt, slot, tokens and examples', async () => {
  const { rows, versions, mismatched } = await inspect(EXAMPLE_PIPELINE);
  expect(rows).toBe(387);
  expect(versions).toHaveLength(1);
  const [version] = versions;
  expect(version).toMatchObject({ rows: 387, share: 1, slots: [{ kind: 'input' }] });
  expect(version?.prompt.map(({ role }) => role)).toEqual(['system', 'user']);
  expect(version?.prompt[1]?.content).toContain(`‹${version?.slots[0]?.name}›`);
  expect(version?.tokens.before).toBeGreaterThan(20 * (version?.tokens.after ?? 0));
  expect(version?.examples[0]?.input).toBe(version?.slots[0]?.values[0]);
  expect(mismatched.rows).toBe(0);
});

test('a log alone is inspected too; rows that do not fit are shown with their place and the difference', async () => {
  const file = path.join(folder, 'log.jsonl');
  const odd = {
    messages: [
      { role: 'system', content: 'Name the mood.' },
      { role: 'user', content: 'hi' },
    ],
    completion: 'x',
  };
  const rows = shopRows(60).map((row) => JSON.stringify(row));
  writeFileSync(file, `${[...rows, JSON.stringify(odd), '{'].join('\n')}\n`);
  const { versions, mismatched, verdicts } = await inspect(file);
  expect(versions).toMatchObject([{ rows: 60 }]);
  expect(mismatched).toMatchObject({
    rows: 1,
    examples: [{ place: 'log.jsonl:61', differs: expect.stringMatching(/^message 1 \(system\), character 10: "mood/) }],
  });
  expect(verdicts).toMatchObject([{ verdict: 'broken-json', rows: 1 }]);
  const { stdout, code } = await cli(folder, ['inspect', file]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Prompt 1 of 1: 60 rows \(98\.4 %\), \d+ -> \d+ tokens a request/);
  expect(stdout).toContain('1 rows follow none of these');
});

test('templates of the pipeline are inspected, where it gives some', async () => {
  const templates = [
    [
      { role: 'system', content: 'Name the topic of the message: refund, shipping or account. Answer with one word.' },
      { role: 'user', content: 'Message: {{message}}, order {{number}}' },
    ],
  ];
  const file = writePipeline(path.join(folder, 'given'), shopRows(30), { clean: { instructions: { templates } } });
  const { versions, mismatched } = await inspect(file);
  expect(versions[0]?.slots.map(({ name }) => name)).toEqual(['message', 'number']);
  expect(mismatched.rows).toBe(0);
});

test('F51 nothing in a log moves the terminal', async () => {
  const file = path.join(folder, 'hostile.jsonl');
  const rows = shopRows(30).map((row) => JSON.stringify(row).replace('Message: ', 'Message: \\u001b[2J\\u202e'));
  writeFileSync(file, `${rows.join('\n')}\n`);
  const { stdout } = await cli(folder, ['inspect', file]);
  expect(stdout).toContain('Prompt 1 of 1');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
});

test('a missing file is named', async () => {
  const { code, stderr } = await cli(folder, ['inspect', path.join(folder, 'none.yaml')]);
  expect(stderr).toMatch(/PIPELINE_INVALID: .*none\.yaml: there is no such file/);
  expect(code).toBe(2);
});
