import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DATA_CONVERTER } from '../../src/worker/connection.ts';
import { sharedWorkflowBundle } from '../setup/workflow-bundle.ts';

const folder = path.join(import.meta.dirname, 'histories');
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

describe('F29 workflows of an earlier version continue under this one', () => {
  let codePath = '';

  beforeAll(() => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    codePath = sharedWorkflowBundle() ?? '';
  });

  const replay = (json: string) => {
    const history = historyFromJSON(JSON.parse(json));
    // The ids of jobs follow from the id of their run.
    const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? '';
    return Worker.runReplayHistory(
      { workflowBundle: { codePath }, dataConverter: DATA_CONVERTER },
      history,
      workflowId,
    );
  };

  test('completed and cancelled runs with their jobs are recorded', () => {
    for (const kind of ['completed', 'cancelled']) {
      expect(files.filter((file) => file.startsWith(kind)).length).toBeGreaterThanOrEqual(3);
    }
  });

  test.each(files)('%s replays', async (file) => {
    await replay(readFileSync(path.join(folder, file), 'utf8'));
  });

  test('a history whose steps are in another order does not replay', async () => {
    const json = readFileSync(path.join(folder, 'completed-run.json'), 'utf8');
    await expect(replay(json.replaceAll('"collect"', '"gather"'))).rejects.toThrow(/Nondeterminism/);
  });
});
