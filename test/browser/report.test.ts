import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { htmlReport } from '../../src/report/html/html-report.ts';
import type { Report } from '../../src/report/report.ts';
import { HOSTILE, STATES } from '../report/html/report-states.ts';
import { sampleReport } from '../report/sample-report.ts';
import { hasBrowser, launchBrowser } from '../setup/browser.ts';

/** Pictures of the sample are kept when a folder is named. */
const PICTURES = process.env.TUNELOOP_PICTURES;
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

(hasBrowser() ? describe : describe.skip)('a report in a browser', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tuneloop-report-'));
  let browser: Browser;
  /** The messages, the requests and the policy errors of a browser with a page. */
  let noise: string[];
  let page: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  afterEach(() => page.close());

  const open = async (
    report: Report,
    { viewport = DESK, colorScheme = 'light' }: { viewport?: typeof DESK; colorScheme?: 'light' | 'dark' } = {},
  ) => {
    const file = path.join(folder, 'report.html');
    const url = pathToFileURL(file).href;
    writeFileSync(file, htmlReport(report));
    page = await browser.newPage({ viewport, colorScheme });
    noise = [];
    page.on('console', (message) => noise.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => noise.push(error.message));
    page.on('dialog', (dialog) => {
      noise.push(`dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
    page.on('request', (request) => {
      if (request.url() !== url) noise.push(`request: ${request.url()}`);
    });
    await page.goto(url);
    await page.locator('footer').waitFor();
  };

  const root = () => page.locator('html');

  const unfold = () =>
    page.locator('details').evaluateAll((all) => {
      for (const each of all) each.setAttribute('open', '');
    });

  describe.each([
    ['on a desk', DESK],
    ['on a phone', PHONE],
  ])('%s', (_name, viewport) => {
    test.each(Object.entries(STATES))(
      '%s: the browser reports nothing, requests nothing, and the page is not too wide',
      async (_state, state) => {
        await open(state(), { viewport });
        await unfold();
        expect(await root().evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(viewport.width);
        expect(noise).toEqual([]);
      },
    );

    test.each(['a winner', '36 contenders', 'generation by an LLM', 'long names'])(
      '%s: no label of a chart lies on another, or outside',
      async (name) => {
        await open(STATES[name]?.() ?? sampleReport(), { viewport });
        const charts = await page.locator('svg.chart:visible').evaluateAll((all) =>
          all.map((svg) => {
            const { left, right, top, bottom } = svg.getBoundingClientRect();
            const boxes = [...svg.querySelectorAll('text.label')].map((label) => {
              const box = label.getBoundingClientRect();
              return {
                text: label.textContent,
                left: box.left,
                right: box.right,
                top: box.top + 2,
                bottom: box.bottom - 2,
              };
            });
            const outside = boxes.filter(
              (box) => box.left < left - 1 || box.right > right + 1 || box.top < top || box.bottom > bottom,
            );
            const overlapping = boxes.flatMap((one, index) =>
              boxes
                .slice(index + 1)
                .filter(
                  (other) =>
                    one.left < other.right &&
                    other.left < one.right &&
                    one.top < other.bottom &&
                    other.top < one.bottom,
                )
                .map((other) => `${one.text} / ${other.text}`),
            );
            return { labels: boxes.length, outside: outside.map(({ text }) => text), overlapping };
          }),
        );
        expect(charts.length).toBeGreaterThan(2);
        expect(charts.flatMap(({ outside, overlapping }) => [...outside, ...overlapping])).toEqual([]);
        expect(charts[0]?.labels).toBeGreaterThanOrEqual(3);
      },
    );
  });

  test('hostile rows are shown as plain text', async () => {
    await open(STATES['hostile rows']?.() ?? sampleReport());
    await unfold();
    const found = await page.locator('*').evaluateAll((all) => ({
      scripts: all.filter(({ localName }) => localName === 'script').length,
      images: all.filter(({ localName }) => localName === 'img').length,
      styles: all.filter(({ localName }) => localName === 'style' || localName === 'link').length,
      handlers: all.flatMap((element) =>
        element
          .getAttributeNames()
          .filter((name: string) => name.startsWith('on') || name === 'autofocus' || name === 'style'),
      ),
    }));
    expect(found).toEqual({ scripts: 0, images: 0, styles: 1, handlers: [] });
    for (const text of HOSTILE.slice(0, 6)) {
      expect(await page.locator('#flips').getByText(text, { exact: true }).count()).toBeGreaterThan(0);
    }
    await page.mouse.move(300, 300);
    expect(noise).toEqual([]);
  });

  test('a script in a report would not run', async () => {
    const file = path.join(folder, 'altered.html');
    const altered = htmlReport(sampleReport()).replace('</main>', '<script>document.title = "owned"</script></main>');
    writeFileSync(file, altered);
    page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    expect(await page.title()).toBe('support-triage: Fine-tune');
  });

  test('a report follows the colour scheme, but is light on paper', async () => {
    const inkOf = () =>
      root().evaluate((html) => html.ownerDocument.defaultView?.getComputedStyle(html.ownerDocument.body).color);
    await open(sampleReport());
    const light = await inkOf();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await inkOf()).not.toBe(light);
    await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
    expect(await inkOf()).toBe(light);
  });

  test('on paper everything is unfolded and nothing is cut off', async () => {
    await open(sampleReport());
    await page.emulateMedia({ media: 'print' });
    // The width of A4 or letter paper on its side, without margins.
    await page.setViewportSize({ width: 960, height: 700 });
    const cut = await root().evaluate((html) => {
      const heights = [...html.querySelectorAll('details table')].map((table) => table.getBoundingClientRect().height);
      return { wide: html.scrollWidth - html.clientWidth, folded: heights.filter((height) => height < 20).length };
    });
    expect(cut).toEqual({ wide: 0, folded: 0 });
    expect(
      await page
        .locator('.box')
        .first()
        .evaluate((box) => box.scrollWidth - box.clientWidth),
    ).toBe(0);
    const pdf = await page.pdf({ preferCSSPageSize: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  });

  test('a report can be used with the keyboard', async () => {
    await open(sampleReport());
    const focused = () => page.locator(':focus').textContent();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the report');
    await page.locator('#flips summary').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#flips details').first().getAttribute('open')).toBe('');
  });

  test('a report has landmarks, headings and named images for people who do not see it', async () => {
    await open(sampleReport());
    for (const role of ['banner', 'main', 'navigation', 'contentinfo'] as const) {
      expect(await page.getByRole(role).count()).toBe(1);
    }
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('Fine-tune');
    expect(await page.getByRole('img', { name: 'Quality (accuracy) against cost and latency' }).count()).toBe(1);
    expect(await page.getByRole('img', { name: 'Paired differences' }).count()).toBe(1);
    expect(await page.getByRole('row', { name: /^local-base-lr1-e4 / }).count()).toBe(2);
    await page.setViewportSize(PHONE);
    expect(await page.getByRole('row', { name: /^local-base-lr1-e4 / }).count()).toBe(2);
  });

  (PICTURES ? test : test.skip)('has its pictures taken', async () => {
    for (const [name, viewport, colorScheme] of [
      ['desk', DESK, 'light'],
      ['desk-dark', DESK, 'dark'],
      ['phone', PHONE, 'light'],
    ] as const) {
      if (!page.isClosed()) await page.close();
      await open(sampleReport(), { viewport, colorScheme });
      await page.screenshot({ path: path.join(PICTURES ?? '', `report-${name}.png`), fullPage: true });
    }
  });
});
