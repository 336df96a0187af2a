/** `npm run chaos`: see `--help`. One JSON line on standard output, progress on standard error. */
import { Command, InvalidArgumentError } from 'commander';
import { runChaos } from './chaos.ts';

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
  .option('--runs <n>', 'runs with 8 jobs each; at least as many kills', positive, 100)
  .option('--seed <n>', 'of all that is done to them (default: drawn)', positive)
  .option('--keep', 'keep logs, database and ledger')
  .addHelpText('after', '\nExample:\n  npm run -s chaos -- --runs 20 --seed 7')
  .parse();

const {
  runs,
  seed = 1 + Math.floor(Math.random() * 1_000_000),
  keep = false,
} = program.opts<{
  runs: number;
  seed?: number;
  keep?: boolean;
}>();
const say = (line: string) => process.stderr.write(`${line}\n`);
const replay = () => say(`Again: npm run -s chaos -- --runs ${runs} --seed ${seed} --keep`);

try {
  const result = await runChaos({ runs, seed, keepHome: keep, say });
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
