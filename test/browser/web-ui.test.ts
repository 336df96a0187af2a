import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import type { RunJson } from '../../src/client/runs.ts';
import { webUrl } from '../../src/client/web-ui.ts';
import { readServices } from '../../src/stores/services-file.ts';
import { hasBrowser, launchBrowser } from '../setup/browser.ts';
import { cli, lastJson, ROOT, temporaryHome, until } from '../setup/cli.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

/** Pictures for the README are kept when a folder is named. */
const PICTURES = process.env.TUNELOOP_PICTURES;

(hasBrowser() ? describe : describe.skip)('the Web UI tells the story of a run', () => {
  const { home, remove } = temporaryHome();
  let run: RunJson;
  let browser: Browser;

  beforeAll(async () => {
    const file = PICTURES
      ? path.join(ROOT, 'examples', 'support-triage', 'pipeline.yaml')
      : writePipeline(home, shopRows(60));
    // For pictures long enough that some jobs are stopped early.
    const seconds = PICTURES ? 15 : 1;
    const demo = ['demo', '--keep', '--json', '--pipeline', file, '--job-seconds', `${seconds}`];
    run = lastJson<RunJson>(await cli(home, demo));
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser.close();
    await cli(home, ['stop']);
    remove();
  });

  const open = async (suffix: string) => {
    // Wide and high enough for a picture of the whole table of candidates.
    const page = await browser.newPage({ viewport: { width: 1600, height: 1280 } });
    await page.goto(`${webUrl(readServices(home)?.temporal?.ui ?? '', 'default', run.runId)}${suffix}`);
    return page;
  };

  test('the progress table shows each candidate and the winner', async () => {
    const page = await open('');
    await page.getByText('User Metadata').first().click();
    // The Web UI renders Markdown in a frame of its own.
    const details = () => page.frames().find((frame) => frame.url().includes('Stage'));
    await until(() => details() !== undefined, 'the current details');
    await details()?.getByRole('cell', { name: 'winner' }).waitFor();
    for (const { id } of run.candidates ?? []) {
      expect(await details()?.getByRole('cell', { name: id, exact: true }).count()).toBe(1);
    }
    if (PICTURES) await page.screenshot({ path: path.join(PICTURES, 'web-ui.png') });
    await page.close();
  });

  test('every step of the timeline is named in words', async () => {
    const page = await open('');
    // Only the rows in view are in the page, the newest first.
    await page.getByText('report.html, report.md, report.json').first().waitFor();
    await page.getByRole('button', { name: 'Descending' }).click();
    await page.getByText('strip, clean, split').first().waitFor();
    await page.close();
  });

  test('runs can be told apart in the list by stage and winner', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    const ui = readServices(home)?.temporal?.ui ?? '';
    const query = encodeURIComponent(`TuneloopWinner = "${run.winner}"`);
    await page.goto(`${ui}/namespaces/default/workflows?query=${query}`);
    await page.getByText(run.runId).first().waitFor();
    await page.close();
  });

  (PICTURES ? test : test.skip)('the report of the run has its picture taken', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1200 } });
    await page.goto(pathToFileURL(run.reportPath ?? '').href);
    await page.screenshot({ path: path.join(PICTURES ?? '', 'report.png') });
    await page.close();
  });
});
