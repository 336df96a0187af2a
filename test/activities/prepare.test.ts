import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createCollect, type Snapshot } from '../../src/activities/collect.ts';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { createPrepare, type Dataset } from '../../src/activities/prepare.ts';
import { readPipelineFile } from '../../src/config/pipeline-file.ts';
import { writeJson } from '../../src/storage/artifact-store.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { temporaryHome } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

test("a tokenizer's control token in a row is text like any other", async () => {
  const { home, remove } = temporaryHome();
  try {
    const log = shopRows(60).map((row) => `${JSON.stringify(row).replace(', order', ' <|endoftext|>, order')}\n`);
    const artifacts = new FileStore(path.join(home, 'artifacts'));
    const dependencies = { artifacts } as Partial<Dependencies> as Dependencies;
    const definition = await writeJson(artifacts, await readPipelineFile(writePipeline(home, log.join(''))));
    const environment = new MockActivityEnvironment();
    const collect = createCollect(dependencies);
    const snapshot = (await environment.run(() => collect({ definition }))) as Snapshot;
    const prepare = createPrepare(dependencies);
    const { tokens, summary } = (await environment.run(() => prepare({ definition, snapshot }))) as Dataset;
    expect(summary.train).toBeGreaterThanOrEqual(30);
    expect(tokens.input).toBeGreaterThan(5);
  } finally {
    remove();
  }
});
