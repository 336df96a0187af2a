import { createHash } from 'node:crypto';
import { STYLE, STYLE_HASH } from '../../../src/report/html/style.ts';

const css = STYLE.source.replace(/^<style>|<\/style>$/g, '');

test('the hash is that of the style', () => {
  expect(STYLE_HASH).toBe(`sha256-${createHash('sha256').update(css).digest('base64')}`);
});

test('the style loads nothing', () => {
  expect(css).not.toMatch(/url\(|@import|https?:/);
});

/** The colours of a scheme by name. */
function colours(block: string): Record<string, string> {
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, colour]) => [name, colour]),
  );
}

const [light = {}, dark = {}] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block = '']) => colours(block));
const SCHEMES = [
  ['light', light],
  ['dark', dark],
] as const;

/** Contrast ratio by WCAG 2.2. */
function contrast(one: string, other: string): number {
  const [a = 0, b = 0] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((place) => {
    const share = Number.parseInt(colour.slice(place, place + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe.each(SCHEMES)('in the %s scheme', (_name, scheme) => {
  const ratio = (one: string, other: string) => contrast(scheme[one] ?? '', scheme[other] ?? '');

  test.each(['ink', 'soft', 'good', 'warn', 'bad', 'candidate', 'winner', 'baseline', 'alternative'])(
    'text in %s can be read on page and card (AA, 4.5)',
    (text) => {
      expect(ratio(text, 'page')).toBeGreaterThanOrEqual(4.5);
      expect(ratio(text, 'card')).toBeGreaterThanOrEqual(4.5);
    },
  );

  test.each(['good', 'warn', 'bad'])('a badge in %s can be read', (colour) => {
    expect(ratio(colour, `${colour}-back`)).toBeGreaterThanOrEqual(4.5);
  });

  test('text can be read on the row of the winner', () => {
    expect(ratio('ink', 'good-back')).toBeGreaterThanOrEqual(4.5);
    expect(ratio('soft', 'good-back')).toBeGreaterThanOrEqual(4.5);
  });

  test.each([1, 2, 3, 4, 5])('figures can be read on shade %d', (shade) => {
    expect(ratio('on-shade', `right${shade}`)).toBeGreaterThanOrEqual(4.5);
    expect(ratio('on-shade', `wrong${shade}`)).toBeGreaterThanOrEqual(4.5);
  });

  test.each(['strong-line', 'train', 'validation', 'test'])('%s can be seen (AA for graphics, 3)', (colour) => {
    expect(ratio(colour, 'card')).toBeGreaterThanOrEqual(3);
  });

  test('the scheme has every colour that the other has', () => {
    expect(Object.keys(scheme).sort()).toEqual(Object.keys(light).sort());
  });
});
