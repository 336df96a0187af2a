import { html } from './markup.ts';

/**
 * The style of a report. Colours are variables with a light and a dark value; on paper they are light. The page's policy
 * allows this very text by its hash, so that no style in a row could count.
 */
export const STYLE = html`<style>
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --ink: #1b2330; --soft: #586273; --line: #dfe3e9; --strong-line: #8a94a3;
  --good: #00704f; --warn: #8a5200; --bad: #b02a30; --good-back: #e2f3ec; --warn-back: #fbefd9; --bad-back: #fbe6e6;
  --winner: #00704f; --baseline: #3c4657; --alternative: #7646b8; --candidate: #1f66ad; --ghost: #ccd3dc;
  --test: #7646b8; --validation: #1f66ad; --train: #3c4657; --dropped: #c3cad4;
  --right1: #e6f4ee; --right2: #c9e8db; --right3: #9fd6bf; --right4: #74c3a3; --right5: #4fb08a;
  --wrong1: #fdeee6; --wrong2: #fbdccb; --wrong3: #f7bf9f; --wrong4: #f29d72; --wrong5: #ec8050; --on-shade: #10161f;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #11151b; --card: #191f28; --ink: #e7ebf1; --soft: #a5b0bf; --line: #2e3744; --strong-line: #76849a;
    --good: #4cc79c; --warn: #eeb14f; --bad: #ff918a; --good-back: #12352b; --warn-back: #3a2c12; --bad-back: #42201f;
    --winner: #4cc79c; --baseline: #c3ccda; --alternative: #bc9cf3; --candidate: #74b1f0; --ghost: #3c4757;
    --test: #bc9cf3; --validation: #74b1f0; --train: #c3ccda; --dropped: #4b5768;
    --right1: #15382e; --right2: #17493a; --right3: #195c48; --right4: #1b6f57; --right5: #1d7a5f;
    --wrong1: #3a2519; --wrong2: #52301b; --wrong3: #6d3c1d; --wrong4: #88481f; --wrong5: #984f21; --on-shade: #ffffff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: break-word; font-variant-numeric: tabular-nums; }
header, nav, main, footer { max-width: 1096px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
h1 { margin: 10px 0 14px; font-size: 34px; line-height: 1.15; font-weight: 650; letter-spacing: -0.01em; }
h2 { margin: 0 0 12px; font-size: 20px; line-height: 1.25; font-weight: 650; }
h3 { margin: 20px 0 6px; font-size: 15px; }
p, ul { margin: 0 0 12px; max-width: 78ch; overflow-wrap: anywhere; }
ul { padding-left: 20px; }
small, .note, figcaption { color: var(--soft); font-size: 13px; line-height: 1.45; }
small { overflow-wrap: anywhere; }
code { font: 13px ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
a { color: var(--candidate); }
a:focus-visible, summary:focus-visible, .box:focus-visible { outline: 3px solid var(--candidate); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -9999px; top: 8px; padding: 8px 12px; background: var(--card); z-index: 1; }
.skip:focus { left: 8px; }
.run { color: var(--soft); margin: 0; max-width: none; display: flex; flex-wrap: wrap; gap: 2px 16px; }
.run strong { color: var(--ink); }
.badge { display: inline-block; padding: 4px 18px 6px 14px; border-radius: 10px; }
.badge.fine-tune { color: var(--good); background: var(--good-back); }
.badge.inconclusive { color: var(--warn); background: var(--warn-back); }
.badge.do-not-fine-tune { color: var(--bad); background: var(--bad-back); }
.lead { font-size: 19px; line-height: 1.42; max-width: 68ch; }
.heading { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; margin-bottom: 12px; } .heading h2, .heading .local { margin: 0; }
.local { display: inline-block; margin: 0 0 12px; padding: 0 10px; border: 1px solid var(--warn); border-radius: 99px; color: var(--warn); font-size: 12.5px; line-height: 22px; }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 16px; margin: 8px 0 0; }
.three > div, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.three > div { padding: 16px 20px 18px; min-width: 0; }
dt { color: var(--soft); font-size: 13px; font-weight: 600; overflow-wrap: anywhere; }
dd { margin: 0; font-size: 13.5px; line-height: 1.5; }
dd > span { display: block; overflow-wrap: anywhere; }
dd .value { font-size: 33px; line-height: 1.25; font-weight: 650; letter-spacing: -0.02em; margin-bottom: 4px; }
dd .value small { font-size: 16px; color: var(--ink); font-weight: 500; letter-spacing: 0; }
b.better, b.non-inferior { color: var(--good); } b.worse { color: var(--bad); } b.inconclusive { color: var(--warn); }
nav { padding-top: 20px; padding-bottom: 4px; font-size: 13.5px; }
nav ol { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 20px; margin: 0; padding: 0; }
nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
section { margin: 16px 0; padding: 22px 24px 16px; }
footer { color: var(--soft); font-size: 13px; padding-bottom: 40px; }

figure { margin: 0 0 10px; }
figcaption p, .note { max-width: 100ch; } figcaption p { margin: 4px 0 0; }
svg { display: block; max-width: 100%; height: auto; }
svg.store { position: absolute; }
svg.narrow { display: none; }
svg.bar { width: 100%; height: 22px; }
svg text { font-size: 12px; fill: var(--ink); }
svg .tick { font-size: 11.5px; fill: var(--soft); } svg .title { fill: var(--soft); font-size: 12px; font-weight: 600; }
svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .label { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--strong-line); } svg .leader { stroke: var(--strong-line); stroke-width: 0.8; }
svg .mark { stroke: var(--card); stroke-width: 1.5; }
svg .mark.hollow { fill: var(--card); stroke-width: 2; }
svg .winner { fill: var(--winner); } svg .hollow.winner { stroke: var(--winner); fill: var(--card); }
svg .baseline { fill: var(--baseline); } svg .hollow.baseline { stroke: var(--baseline); fill: var(--card); }
svg .alternative { fill: var(--alternative); }
svg .candidate { fill: var(--candidate); } svg .hollow.candidate { stroke: var(--candidate); fill: var(--card); }
svg .label.winner, svg .label.baseline, svg .label.better { font-weight: 650; } svg .label.cached { fill: var(--soft); }
svg .label.candidate, svg .label.checkpoint { fill: var(--ink); }
svg .interval { stroke-width: 2; stroke: var(--candidate); opacity: 0.35; }
svg .interval.winner { stroke: var(--winner); opacity: 0.75; } svg .interval.baseline { stroke: var(--baseline); opacity: 0.6; }
svg .interval.alternative { stroke: var(--alternative); opacity: 0.5; } svg .interval.chosen { stroke: var(--winner); opacity: 0.3; }
svg .front { fill: none; stroke: var(--candidate); stroke-width: 1.5; stroke-dasharray: 5 3; }
svg .same { stroke: var(--strong-line); stroke-width: 1.3; stroke-dasharray: 1.5 3; } svg .bound { stroke: var(--baseline); stroke-dasharray: 4 3; }
svg .zero { stroke: var(--ink); stroke-width: 1.2; } svg .margin { stroke: var(--bad); stroke-dasharray: 5 4; } svg .beyond { fill: var(--bad); opacity: 0.06; }
svg .difference { fill: var(--warn); stroke: var(--warn); stroke-width: 3; }
svg .difference.better, svg .difference.non-inferior { fill: var(--good); stroke: var(--good); } svg .difference.worse { fill: var(--bad); stroke: var(--bad); }
svg circle.difference { stroke: var(--card); stroke-width: 1.5; }
svg .label.better, svg .label.non-inferior { fill: var(--good); } svg .label.worse { fill: var(--bad); } svg .label.inconclusive { fill: var(--warn); }
svg polyline, .ghost { fill: none; } .ghost { stroke: var(--ghost); stroke-width: 1; } svg .train { stroke: var(--strong-line); stroke-dasharray: 1 2.5; }
svg .trace { stroke: var(--candidate); stroke-width: 2.2; stroke-linejoin: round; } svg circle.trace { fill: var(--candidate); stroke: none; }
svg .trace.wins { stroke: var(--winner); } svg circle.trace.wins { fill: var(--winner); } svg .label.wins { font-weight: 650; }
svg .stop { stroke: var(--bad); stroke-width: 2; }
svg .train-side, svg rect.train { fill: var(--train); stroke: none; } svg .validation { fill: var(--validation); } svg .test { fill: var(--test); } svg .dropped { fill: var(--dropped); }
svg.inline { display: inline-block; vertical-align: -2px; }
.beside { display: flex; flex-wrap: wrap; gap: 0 40px; align-items: flex-start; } .beside > * { min-width: 0; max-width: 100%; }
svg .dot.winner { fill: var(--winner); } svg .dot.candidate { fill: var(--candidate); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 6px 0; padding: 0; max-width: none; }
.legend li { display: flex; align-items: center; gap: 5px; } .legend b { color: var(--ink); } svg.key { flex: none; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 16px 22px; margin-bottom: 10px; }
.panel { margin: 0; min-width: 0; break-inside: avoid; } .panel figcaption { overflow-wrap: anywhere; } .panel strong { color: var(--ink); }

.box { overflow-x: auto; margin: 0 0 14px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; line-height: 1.4; }
caption { text-align: left; color: var(--soft); font-size: 13px; padding-bottom: 6px; }
th, td { text-align: left; vertical-align: top; padding: 7px 18px 7px 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: 12.5px; vertical-align: bottom; border-bottom-color: var(--strong-line); }
tbody th { font-weight: 600; min-width: 20ch; max-width: 34ch; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; min-width: 7ch; max-width: 46ch; } .whole { display: inline-block; white-space: nowrap; }
th small { font-weight: 400; }
.number { text-align: right; white-space: nowrap; }
tr.winner > * { background: var(--good-back); } tr.winner th { padding-left: 10px; } tr.minor th { font-weight: 400; padding-left: 14px; }
.text { white-space: pre-line; } .places { font-size: 12.5px; color: var(--soft); }
summary { cursor: pointer; padding: 6px 0; font-weight: 600; overflow-wrap: anywhere; }
.mistakes b { display: inline-block; min-width: 2ch; text-align: right; }
.matrix { width: auto; font-size: 12.5px; }
.matrix th, .matrix td { padding: 0; border: 1px solid var(--card); }
.matrix td { width: 34px; min-width: 34px; height: 28px; text-align: center; vertical-align: middle; color: var(--soft); }
.matrix thead th { font-weight: 400; vertical-align: bottom; height: 118px; } .matrix thead th span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; max-height: 170px; display: inline-block; }
.matrix tbody th { font-weight: 400; min-width: 0; padding: 0 10px 0 0; vertical-align: middle; white-space: nowrap; text-align: right; position: sticky; left: 0; background: var(--card); max-width: none; }
.matrix .right1, .matrix .right2, .matrix .right3, .matrix .right4, .matrix .right5, .matrix .wrong1, .matrix .wrong2, .matrix .wrong3, .matrix .wrong4, .matrix .wrong5 { color: var(--on-shade); }
.right1 { background: var(--right1); } .right2 { background: var(--right2); } .right3 { background: var(--right3); } .right4 { background: var(--right4); } .right5 { background: var(--right5); }
.wrong1 { background: var(--wrong1); } .wrong2 { background: var(--wrong2); } .wrong3 { background: var(--wrong3); } .wrong4 { background: var(--wrong4); } .wrong5 { background: var(--wrong5); }

@media screen and (max-width: 700px) {
  header, nav, main, footer { padding-left: 12px; padding-right: 12px; }
  header { padding-top: 20px; } h1 { font-size: 27px; } .lead { font-size: 17px; }
  .three { grid-template-columns: 1fr; gap: 10px; }
  section { padding: 18px 12px 12px; }
  svg.wide { display: none; } svg.narrow { display: block; }
  .cards, .cards tbody, .cards tr, .cards th, .cards td, .cards caption { display: block; max-width: none; }
  .cards thead { position: absolute; left: -9999px; }
  .cards tr { display: flex; flex-wrap: wrap; gap: 0 16px; border-bottom: 1px solid var(--strong-line); padding: 8px 0; }
  .cards tr.winner { background: var(--good-back); padding: 8px; }
  .cards th, .cards td, .cards .number { border: 0; padding: 2px 0; text-align: left; white-space: normal; }
  .cards tr.minor { padding-left: 14px; } .cards tr.minor th { padding-left: 0; }
  .cards th, .cards td:last-child { flex: 1 0 100%; } .cards .none { display: none; }
  .cards td::before { content: attr(data-label) ": "; color: var(--soft); }
}
@media print {
  @page { size: landscape; margin: 13mm; }
  body { font-size: 13px; background: none; }
  header, nav, main, footer { max-width: none; padding: 0; } nav, .skip { display: none; }
  section { border: 0; padding: 0; margin: 26px 0; }
  .box { overflow: visible; } .beside, .three { display: block; } .three > div { display: inline-block; vertical-align: top; width: 32%; margin-right: 1%; }
  .panels { display: block; } .panel { display: inline-block; width: 31%; margin: 0 2% 12px 0; vertical-align: top; }
  table { font-size: 11.5px; } .matrix td { width: 28px; min-width: 28px; }
  .heading, caption, summary { break-after: avoid; } figure, tr, .three, .matrix, .chart { break-inside: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
</style>`;

/** Of the text between the tags. */
export const STYLE_HASH = 'sha256-Qd4h9yYFT3/9P1/FrUT+t0EkwqXcAWQQ25RJ7dh3zT8=';
