import type { InspectedLabels, InspectedVersion, Inspection } from '../client/inspections.ts';
import { cutPartText } from '../core/dataset/cut-part.ts';
import { ISSUES } from '../core/dataset/issue.ts';
import { percentText, plainLine } from '../core/text/format.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';
import { withTuneloop } from './session.ts';

/** What an issue does to its row. */
const EFFECTS = { drop: 'dropped', mend: 'changed', note: 'kept' } as const;
const PLACES = 5;
const SHORT = 72;
const WIDEST = 110;

/** `inspect FILE`: the common text of a log's prompts, and the inputs without it, before anything is paid. */
export function inspect(file: string, options: { json?: boolean }): Promise<number> {
  return withTuneloop(async ({ datasets }) => {
    const onTruncated = (rows: number) => say(`The first ${rows} rows are read.`);
    const result = await datasets.inspect(file, { onTruncated });
    printResult(options.json, result, () => textOf(result));
    return EXIT.ok;
  });
}

function textOf({
  source,
  formats,
  rows,
  outcome,
  versions,
  parts: cut,
  labels,
  mismatched,
  verdicts,
}: Inspection): string {
  const read = Object.entries(formats).map(([format, count]) => `${count} of format ${format}`);
  const parts = [
    [
      `${rows} rows of ${source.map(plainLine).join(', ')}${read.length > 0 ? `: ${read.join(', ')}` : ''}`,
      `${outcome.kept} kept as they are, ${outcome.changed} changed, ${outcome.dropped} dropped`,
    ].join('\n'),
  ];
  versions.forEach((version, index) => {
    parts.push(versionText(version, `Prompt ${index + 1} of ${versions.length}`));
  });
  if (cut.length > 0) {
    const lines = cut.map((part) => `  ${plainLine(cutPartText(part))}`);
    parts.push(['Parts that change from prompt to prompt and would be cut off:', ...lines].join('\n'));
  }
  if (labels) parts.push(labelText(labels));
  if (mismatched.rows > 0) {
    const examples = mismatched.examples.map(({ place, differs }) => `  ${plainLine(`${place}: ${differs}`)}`);
    parts.push([`${mismatched.rows} rows follow none of these; they would be left out.`, ...examples].join('\n'));
  }
  if (verdicts.length > 0) {
    const lines = verdicts.map(
      ({ verdict, rows: count, places, example }) =>
        `  ${count} x ${verdict} (${EFFECTS[ISSUES[verdict].effect]}): ${ISSUES[verdict].what} ` +
        `(${places.slice(0, PLACES).map(plainLine).join(', ')}${example === undefined ? '' : `; for example ${plainLine(example)}`})`,
    );
    parts.push(['Odd rows:', ...lines].join('\n'));
  }
  return parts.join('\n\n');
}

const LABELS_SHOWN = 30;
const PAIRS_SHOWN = 10;

function labelText({ counts, suspicious, problem }: InspectedLabels): string {
  const shown = counts.slice(0, LABELS_SHOWN).map(({ label, rows }) => `${shortened(label)} ${rows}`);
  const more = counts.length > shown.length ? ` and ${counts.length - shown.length} more` : '';
  return [
    `${counts.length} ${counts.length === 1 ? 'label' : 'labels'}: ${shown.join(', ')}${more}`,
    ...suspicious
      .slice(0, PAIRS_SHOWN)
      .map(
        ({ labels: [a, b], rows: [most, few], why }) =>
          `  one label? ${shortened(a)} (${most}) and ${shortened(b)} (${few}): they differ in ${why}; unite them with \`labels\` and \`aliases\``,
      ),
    ...(problem === null ? [] : [`  ${plainLine(problem)}`]),
  ].join('\n');
}

function versionText({ rows, share, prompt, slots, tokens, examples }: InspectedVersion, title: string): string {
  const saved = tokens.before === 0 ? 0 : 1 - tokens.after / tokens.before;
  const head =
    `${title}: ${rows} rows (${percentText(share)}), ` +
    `${tokens.before.toFixed(0)} -> ${tokens.after.toFixed(0)} tokens a request (${percentText(saved)} less)`;
  return [
    head,
    '='.repeat(Math.min(head.length, 100)),
    ...prompt.map(({ role, content }) => `[${role}]\n${indented(content)}`),
    ...slots.map(
      ({ name, kind, values }) =>
        `‹${plainLine(name)}› ${kind === 'input' ? 'input' : `${kind}, not in the input`}: ${values.map((value) => shortened(value)).join(' | ')}`,
    ),
    ...examples.map(
      ({ input, completion }) =>
        `example: ${shortened(input)} -> ${completion === null ? '(no answer)' : shortened(completion)}`,
    ),
  ].join('\n');
}

/** Long instructions by their beginning and their end. */
const LINES_SHOWN = 12;

function indented(content: string): string {
  const lines = content.split('\n').map((line) => `  ${/^ */.exec(line)?.[0]}${shortened(line, WIDEST)}`.trimEnd());
  if (lines.length <= LINES_SHOWN) return lines.join('\n');
  const half = LINES_SHOWN / 2;
  return [...lines.slice(0, half), `  ... ${lines.length - LINES_SHOWN} lines ...`, ...lines.slice(-half)].join('\n');
}

function shortened(text: string, longest = SHORT): string {
  const line = plainLine(text);
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
