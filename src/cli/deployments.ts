import type { DecisionOptions as LibraryDecision, MadeDecision, PersonsUpdate } from '../client/deployments.ts';
import type { Decision, DeploymentState } from '../core/deployment/deployment.ts';
import { type DeploymentRemarks, deploymentStage } from '../core/deployment/render.ts';
import { plainLine } from '../core/text/format.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';
import { withSession } from './session.ts';

interface JsonOption {
  json?: boolean;
}

export type DecisionOptions = JsonOption & LibraryDecision;

/** `deployments`: the serving model of each pipeline. */
export function listDeployments(options: JsonOption): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const states = await tuneloop.deployments.list();
    printResult(options.json, states, () =>
      states.length === 0
        ? 'There is no deployment yet: a run makes one at its end. Start one with `tuneloop run FILE`.'
        : [deploymentTable(states), ...states.flatMap(remarkLines)].join('\n'),
    );
    return EXIT.ok;
  });
}

function deploymentTable(states: readonly DeploymentState[]): string {
  return alignColumns([
    ['pipeline', 'state', 'champion', 'challenger', 'decision', 'at'],
    ...states.map((state) => {
      const last = state.decisions.at(-1);
      return [
        state.pipeline,
        deploymentStage(state),
        state.champion?.model ?? 'original prompt',
        state.challenger?.model ?? '',
        `${state.decision}`,
        last ? timeText(last.at) : '',
      ];
    }),
  ]);
}

function remarkLines({
  pipeline,
  remarks: { canary, trouble, serving },
}: {
  pipeline: string;
  remarks: DeploymentRemarks;
}) {
  return [
    ...(serving ? [`${pipeline}, serving: ${plainLine(serving)}`] : []),
    ...(canary ? [`${pipeline}, canary: ${plainLine(canary)}`] : []),
    ...(trouble ? [`${pipeline}, trouble: ${plainLine(trouble)} It is tried again every minute.`] : []),
  ];
}

/** `history PIPELINE`: the decisions of a deployment, newest first. */
export function showHistory(pipeline: string, options: JsonOption & { limit: number }): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const shown = await tuneloop.deployments.history(pipeline, options);
    printResult(options.json, shown, () => shown.map(decisionText).join('\n'));
    return EXIT.ok;
  });
}

/** `propose RUN`: proposes the winner of a run, whatever the run recommends. */
export function propose(id: string, options: DecisionOptions): Promise<number> {
  return withSession(async ({ tuneloop }) => printDecision(await tuneloop.deployments.propose(id, options), options));
}

/** `approve`, `reject` and `rollback PIPELINE`. */
export function decide(update: PersonsUpdate, pipeline: string, options: DecisionOptions): Promise<number> {
  return withSession(async ({ tuneloop }) =>
    printDecision(await tuneloop.deployments.decide(update, pipeline, options), options),
  );
}

/** `canary PIPELINE SHARE`: gives the challenger this share of the calls. */
export function setCanary(pipeline: string, share: number, options: DecisionOptions): Promise<number> {
  return withSession(async ({ tuneloop }) =>
    printDecision(await tuneloop.deployments.setCanary(pipeline, share, options), options),
  );
}

function printDecision({ decision, deployment }: MadeDecision, { json }: JsonOption): number {
  printResult(json, { decision, deployment }, () => {
    const serves = deployment.champion?.model ?? 'the original prompt';
    return `${decisionText(decision)}\n${deployment.pipeline}: ${deploymentStage(deployment)}; ${serves} serves`;
  });
  return EXIT.ok;
}

function decisionText({ number, at, kind, model, by, why }: Decision): string {
  return `${number}  ${timeText(at)}  ${kind}  ${model ?? 'original prompt'}  by ${plainLine(by)}: ${plainLine(why)}`;
}

function timeText(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
