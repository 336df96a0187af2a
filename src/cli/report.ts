import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { noReport, readFileOf } from '../client/reports.ts';
import { plainText } from '../core/text/format.ts';
import { EXIT, exitCodeOfRun } from './exit-codes.ts';
import { printResult, say } from './output.ts';
import { runTable } from './run-table.ts';
import { withSession } from './session.ts';

interface ReportOptions {
  json?: boolean;
  /** File to write JUnit XML to. */
  junit?: string;
  /** Folder to write a config of promptfoo to. */
  promptfoo?: string;
  /** Shows the HTML in the browser. */
  open?: boolean;
}

/** `report ID`: prints the report of a run that has ended, and writes it in other forms on request. */
export function report(id: string, options: ReportOptions): Promise<number> {
  return withSession(async ({ tuneloop: { runs } }) => {
    const result = await runs.get(id);
    const { reportPath, status } = result;
    if (reportPath === undefined) {
      const isWanted = options.junit ?? options.promptfoo ?? options.open;
      if (isWanted !== undefined) throw noReport(id, status);
      printResult(options.json, result, () => runTable(result));
      return exitCodeOfRun(result);
    }
    if (options.junit !== undefined) {
      await runs.writeJunit(id, options.junit);
      say(`JUnit XML: ${options.junit}`);
    }
    if (options.promptfoo !== undefined) {
      const config = await runs.writePromptfoo(id, options.promptfoo);
      say(`promptfoo: ${config}. It holds rows of the log. Run it with \`npx promptfoo eval -c ${config}\``);
    }
    if (options.open) await openFile(reportPath);
    const folder = path.dirname(reportPath);
    const markdown = options.json ? '' : await readFileOf(id, path.join(folder, 'report.md'));
    say(`${reportPath}, and as JSON ${path.join(folder, 'report.json')}`);
    printResult(options.json, result, () => plainText(markdown).trimEnd());
    return EXIT.ok;
  });
}

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

/** Shows a file in the desktop's program for it. Without such a program the printed path is enough. */
async function openFile(file: string): Promise<void> {
  const opener = OPENERS[process.platform] ?? 'xdg-open';
  const child = spawn(opener, [file], { stdio: 'ignore', detached: true });
  try {
    await once(child, 'spawn');
    child.unref();
  } catch {
    say(`No program here opens files (${opener} is not installed): open it in a browser yourself.`);
  }
}
