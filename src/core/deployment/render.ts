import { escapeMarkdown, percentText } from '../text/format.ts';
import type { Decision, DeploymentState } from './deployment.ts';

/** A deployment in a few words, for lists. */
export function deploymentStage({ champion, challenger }: DeploymentState): string {
  if (challenger?.state.kind === 'canary') return `canary ${percentText(challenger.state.share)}`;
  if (challenger?.state.kind === 'starting') return 'starting a lease';
  if (challenger) return 'waiting for approval';
  return champion ? 'serving' : 'original prompt';
}

export interface DeploymentRemarks {
  /** The latest findings about the canary, in words; null without a canary. */
  canary: string | null;
  /** The reason why the newest decision has no effect yet; null where it has. */
  trouble: string | null;
  /** The state of the serving leases, in words; null without any. */
  serving?: string | null;
}

const DECISIONS_SHOWN = 20;

/** The Markdown that the Web UI shows as the current details of a deployment. */
export function renderDeployment(state: DeploymentState, { canary, trouble, serving }: DeploymentRemarks): string {
  const { pipeline, champion, previous, challenger, decisions, decision } = state;
  const lines = [`**${escapeMarkdown(pipeline)}: ${deploymentStage(state)}** (decision ${decision})`];
  if (trouble) lines.push(`**Trouble:** ${escapeMarkdown(trouble)} It is tried again every minute.`);
  if (challenger?.state.kind === 'waiting') {
    const { deadline } = challenger.state;
    lines.push(
      `\`${challenger.model}\` waits for approval until ${deadline}: ` +
        `\`tuneloop approve ${pipeline} --why REASON\` or \`tuneloop reject ${pipeline} --why REASON\``,
    );
  }
  if (challenger?.state.kind === 'starting') {
    lines.push(`A serving lease starts for \`${challenger.model}\`. ${escapeMarkdown(serving ?? '')}`);
  }
  if (challenger?.state.kind === 'canary') {
    lines.push(
      `\`${challenger.model}\` gets ${percentText(challenger.state.share)} of the calls. ${escapeMarkdown(canary ?? '')}`,
    );
  }
  const rows = [
    ['champion', champion?.model ?? 'the original prompt', champion?.run ?? ''],
    ...(previous[0] ? [['previous', previous[0].model, previous[0].run]] : []),
    ...(challenger ? [['challenger', challenger.model, challenger.run]] : []),
  ];
  lines.push(table(['', 'model', 'run'], rows));
  if (serving && challenger?.state.kind !== 'starting') lines.push(escapeMarkdown(serving));
  if (decisions.length > 0) {
    lines.push(
      table(
        ['', 'when', 'decision', 'model', 'by', 'why'],
        decisions.slice(-DECISIONS_SHOWN).reverse().map(decisionCells),
      ),
    );
  }
  return lines.join('\n\n');
}

function decisionCells({ number, at, kind, model, by, why }: Decision): string[] {
  return [`${number}`, at.slice(0, 16).replace('T', ' '), kind, model ?? 'original prompt', by, why];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  // The Web UI leaves no space between the columns of a table, and shows `&nbsp;` as it is written.
  const line = (cells: readonly string[]) => `| ${cells.join('\u00a0\u00a0 | ')} |`;
  const rule = `|${head.map(() => '---').join('|')}|`;
  return [line(head), rule, ...rows.map((cells) => line(cells.map(escapeMarkdown)))].join('\n');
}
