import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { extractWorkflowType } from '@temporalio/common';
import * as messages from '../../src/contract/messages.ts';
import { WORKFLOWS } from '../../src/contract/messages.ts';
import type * as workflows from '../../src/workflows/index.ts';

const root = path.join(import.meta.dirname, '..', '..');

/** The type checker compares each workflow with its definition, in both directions. */
type Implemented = typeof workflows;
type Defined = typeof WORKFLOWS;
type BothWays = [Implemented] extends [Defined] ? ([Defined] extends [Implemented] ? true : never) : never;
const matches: BothWays = true;

describe('the definitions of workflows', () => {
  test('each definition has the name under which a client starts its workflow', () => {
    expect(matches).toBe(true);
    expect(Object.entries(WORKFLOWS).map(([key, definition]) => [key, extractWorkflowType(definition)])).toEqual(
      Object.keys(WORKFLOWS).map((key) => [key, key]),
    );
  });

  test('a definition refuses to run, because only a worker has the implementation', async () => {
    await expect(WORKFLOWS.orphanSweep()).rejects.toThrow(/orphanSweep is the definition of a workflow/);
  });

  test('the worker has an implementation of each workflow and of no other', async () => {
    const source = "import('./src/workflows/index.ts').then((all) => console.log(JSON.stringify(Object.keys(all))))";
    const { stdout } = await promisify(execFile)('node', ['-e', source], { cwd: root });
    expect(JSON.parse(stdout).sort()).toEqual(Object.keys(WORKFLOWS).sort());
  });
});

test('the names of messages are those that histories hold', () => {
  const named = Object.entries(messages).flatMap(([key, value]) => {
    const definition: unknown = value;
    return typeof definition === 'object' && definition !== null && 'type' in definition && 'name' in definition
      ? [[key, `${definition.type} ${definition.name}`]]
      : [];
  });
  expect(Object.fromEntries(named)).toEqual({
    progressQuery: 'query progress',
    epochEndedSignal: 'signal epochEnded',
    resumeUpdate: 'update resume',
    stopSignal: 'signal stop',
    wakeSignal: 'signal wake',
    labellingProgressQuery: 'query progress',
    proposeUpdate: 'update propose',
    approveUpdate: 'update approve',
    rejectUpdate: 'update reject',
    rollbackUpdate: 'update rollback',
    setCanaryUpdate: 'update setCanary',
    deploymentQuery: 'query deployment',
    remarksQuery: 'query remarks',
    reserveUpdate: 'update reserve',
    settleUpdate: 'update settle',
    spendingQuery: 'query spending',
  });
});
