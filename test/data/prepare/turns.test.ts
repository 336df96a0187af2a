import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { datasetOf } from '../../setup/dataset-of.ts';

const SYSTEM = { role: 'system', content: 'You answer the guests of a hut in one sentence.' };

/** Each conversation is logged after its first and after its second turn. */
function growingLog(): string {
  return Array.from({ length: 30 }, (_, chat) => {
    const thing = createHash('sha256').update(`${chat}`).digest('hex').replace(/\d/g, ' ');
    const first = [SYSTEM, { role: 'user', content: `Where is the ${thing}?` }];
    const answer = `In shed ${chat}.`;
    const second = [
      ...first,
      { role: 'assistant', content: answer },
      { role: 'user', content: `And who has the key of the ${thing}?` },
    ];
    return [
      { id: `${chat}-1`, messages: first, completion: answer },
      { id: `${chat}-2`, messages: second, completion: `The host of shed ${chat}.` },
    ];
  })
    .flat()
    .map((row) => `${JSON.stringify(row)}\n`)
    .join('');
}

async function made(turns: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-turns-'));
  try {
    writeFileSync(path.join(folder, 'log.jsonl'), growingLog());
    writeFileSync(
      path.join(folder, 'pipeline.yaml'),
      `name: chats\ntask: generation\nsource: { type: jsonl, path: log.jsonl }\nclean: { turns: ${turns} }\ncandidates: { models: [local-nano], learning_rate_multiplier: 1 }\n`,
    );
    return await datasetOf(path.join(folder, 'pipeline.yaml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// https://github.com/huggingface/trl/issues/2545 and https://github.com/OpenPipe/ART/pull/743: the last turn alone
test('with turns: last the longest log of a conversation is the row', async () => {
  const { error, examples, issues } = await made('last');
  expect(error).toBe('');
  expect(issues).toEqual({ 'earlier-turn': 30 });
  expect(examples.every(({ input }) => input.includes('Assistant: In shed'))).toBe(true);
});

// https://github.com/inclusionAI/AReno/pull/313: every turn, or the last one
test('with turns: all each call is a row, and a conversation stays on one side', async () => {
  const { examples, manifest } = await made('all');
  expect(examples).toHaveLength(60);
  expect(manifest?.groups.all).toBe(30);
});

test('by default first turns are used and the others are counted', async () => {
  const { examples, issues } = await made('first');
  expect(examples).toHaveLength(30);
  expect(issues).toEqual({ 'multi-turn': 30 });
});
