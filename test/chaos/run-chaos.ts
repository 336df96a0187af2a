/** `npm run chaos`: see `--help`. One JSON line on standard output, progress on standard error. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { runChaos } from './chaos.ts';
import { SUBJECT_NAMES } from './subject.ts';

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('give a whole number from 1');
  return value;
}

const program = new Command('chaos')
  .description(
    'Lets runs go on while worker, Temporal server and provider fail around them, and judges what is left by the ' +
      "provider's records. Exit code 1: a job was paid twice, left behind, a run lost or over its budget, or too little " +
      'happened to tell.',
  )
  .addOption(
    new Option('--host <name>', 'played in place of the local trainer, by its documents').choices(SUBJECT_NAMES),
  )
  .option('--runs <n>', 'runs with 8 jobs each, with 4 at a host; at least as many kills', positive, 100)
  .option('--seed <n>', 'of all that is done to them (default: drawn)', positive)
  .option('--keep', 'keep logs, database and ledger')
  .addHelpText('after', '\nExample:\n  npm run -s chaos -- --runs 20 --seed 7')
  .parse();

const {
  runs,
  seed = 1 + Math.floor(Math.random() * 1_000_000),
  keep = false,
  host,
} = program.opts<{
  host?: string;
  runs: number;
  seed?: number;
  keep?: boolean;
}>();
const say = (line: string) => process.stderr.write(`${line}\n`);
const played = host === undefined ? '' : `--host ${host} `;
const replay = () => say(`Again: npm run -s chaos -- ${played}--runs ${runs} --seed ${seed} --keep`);

try {
  const result = await runChaos({ runs, seed, keepHome: keep, say, ...(host === undefined ? {} : { host }) });
  console.log(JSON.stringify(result));
  if (result.problems.length > 0 || result.trivial.length > 0) {
    for (const line of [...result.problems, ...result.trivial]) say(line);
    replay();
    process.exitCode = 1;
  }
} catch (error) {
  say(String(error instanceof Error ? error.stack : error));
  replay();
  process.exitCode = 1;
}
