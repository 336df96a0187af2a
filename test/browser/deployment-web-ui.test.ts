import path from 'node:path';
import type { Browser } from 'playwright-core';
import type { RunJson } from '../../src/client/runs.ts';
import { webUrl } from '../../src/client/web-ui.ts';
import { deploymentId, retrainingId, scheduleId } from '../../src/contract/ids.ts';
import { readServices } from '../../src/stores/services-file.ts';
import { hasBrowser, launchBrowser } from '../setup/browser.ts';
import { cli, lastJson, ROOT, temporaryHome, until } from '../setup/cli.ts';

/** Pictures for the README are kept when a folder is named. */
const PICTURES = process.env.TUNELOOP_PICTURES;
const PIPELINE = path.join(ROOT, 'examples', 'support-triage', 'pipeline.yaml');
const NAME = 'support-triage';

jest.setTimeout(180_000);

(hasBrowser() ? describe : describe.skip)('the Web UI tells the story of a deployment and of its schedule', () => {
  const { home, remove } = temporaryHome();
  let run: RunJson;
  let browser: Browser;
  const ui = () => readServices(home)?.temporal?.ui ?? '';

  beforeAll(async () => {
    run = lastJson<RunJson>(await cli(home, ['demo', '--keep', '--json', '--job-seconds', '1']));
    for (const command of [
      ['approve', NAME, '--why', 'the flips look fine', '--by', 'ana'],
      ['canary', NAME, '0.5', '--why', 'a quiet day', '--by', 'ana'],
      ['canary', NAME, '1', '--why', 'no complaints', '--by', 'ana'],
      ['schedule', 'create', PIPELINE, '--cron', '0 3 * * 1'],
      ['schedule', 'trigger', NAME],
    ]) {
      const { code, stderr } = await cli(home, command);
      if (code !== 0) throw new Error(stderr);
    }
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser.close();
    await cli(home, ['stop']);
    remove();
  });

  /** The frame in which the Web UI renders the current details of a workflow. */
  const detailsOf = async (workflowId: string, holding: string) => {
    const page = await browser.newPage({ viewport: { width: 1600, height: 860 } });
    await page.goto(webUrl(ui(), 'default', workflowId));
    await page.getByText('User Metadata').first().click();
    const frame = () => page.frames().find((each) => decodeURIComponent(each.url()).includes(holding));
    await until(() => frame() !== undefined, `details of ${workflowId} that say ${holding}`);
    return { page, frame };
  };

  test('the page of a deployment shows the serving model, and the decisions with their authors and reasons', async () => {
    const { page, frame } = await detailsOf(deploymentId(NAME), 'champion');
    await frame()
      ?.getByRole('cell', { name: run.winnerModel ?? '' })
      .first()
      .waitFor();
    await frame()?.getByRole('cell', { name: 'the flips look fine' }).first().waitFor();
    expect(await frame()?.getByRole('cell', { name: 'person:ana' }).count()).toBeGreaterThanOrEqual(3);
    if (PICTURES) await page.screenshot({ path: path.join(PICTURES, 'web-ui-deployment.png') });
    await page.close();
  });

  test('a retraining without a reason says so, with its figures', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await page.goto(`${ui()}/namespaces/default/schedules/${encodeURIComponent(scheduleId(NAME))}`);
    const link = page
      .locator('a')
      .filter({ hasText: `${retrainingId(NAME)}-` })
      .first();
    const id = ((await link.textContent()) ?? '').trim();
    await page.close();
    const { page: own, frame } = await detailsOf(id, 'Skipped');
    await frame()
      ?.getByText(/0 new examples since/)
      .first()
      .waitFor();
    await own.close();
  });

  test('the page of the schedule shows its next look, and the runs that it has started', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await page.goto(`${ui()}/namespaces/default/schedules/${encodeURIComponent(scheduleId(NAME))}`);
    await page.getByText('retraining').first().waitFor();
    await page
      .getByText(/Upcoming Runs/i)
      .first()
      .waitFor();
    if (PICTURES) await page.screenshot({ path: path.join(PICTURES, 'web-ui-schedule.png') });
    await page.close();
  });
});
