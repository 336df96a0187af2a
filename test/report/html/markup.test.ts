import fc from 'fast-check';
import { escapeText, html } from '../../../src/report/html/markup.ts';
import { readPage, unescaped } from './page-text.ts';
import { HOSTILE } from './report-states.ts';

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...HOSTILE));

test('any text in an element or an attribute stays text', () => {
  fc.assert(
    fc.property(anyText, anyText, (text, value) => {
      const { tags, texts } = readPage(html`<p title="${value}">${text}</p>`.source);
      expect(tags.map(({ name }) => name)).toEqual(['p', 'p']);
      expect(texts.length).toBeLessThanOrEqual(1);
      expect(tags[0]?.attributes.map(([name]) => name)).toEqual(['title']);
    }),
  );
});

test('text is shown as it is written', () => {
  const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 500 });
  fc.assert(fc.property(printable, (text) => expect(unescaped(escapeText(text))).toBe(text)));
});

test.each([
  ['control characters and overrides of direction', 'a\u0000b\u202ec\u2066d\u001be', 'abcde'],
  ['halves of surrogate pairs', 'a\ud800b\udc00c', 'a\ufffdb\ufffdc'],
])('%s are removed or replaced', (_what, text, shown) => {
  expect(escapeText(text)).toBe(shown);
});

test('a text of a megabyte is cut', () => {
  expect(escapeText('<'.repeat(1_000_000)).length).toBeLessThan(5_000);
});

test('only the output of a template is not escaped again', () => {
  expect(html`<ul>${[html`<li>${'<b>'}</li>`, '<i>', 1 / 3, null]}</ul>`.source).toBe(
    '<ul><li>&lt;b&gt;</li>&lt;i&gt;0.33</ul>',
  );
});
