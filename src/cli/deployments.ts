import { userInfo } from 'node:os';
import { type Client, ServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Decision, DeploymentState, PersonalDecision } from '../deployment/deployment.ts';
import { promotionPolicy } from '../deployment/promotion.ts';
import { type DeploymentRemarks, deploymentStage } from '../deployment/render.ts';
import { TuneloopError } from '../errors.ts';
import { plainLine } from '../report/format.ts';
import type { ProposeInput } from '../workflows/deployment.ts';
import { deploymentId } from '../workflows/ids.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';
import { describeRun, pipelineOf, type RunHandle, runJson } from './runs.ts';
import { withSession } from './session.ts';

interface JsonOption {
  json?: boolean;
}

/** `deployments`: what serves for each pipeline. */
export function listDeployments(options: JsonOption): Promise<number> {
  return withSession(async ({ client }) => {
    const states: (DeploymentState & { remarks: DeploymentRemarks })[] = [];
    const query = 'WorkflowType = "deployment" AND ExecutionStatus = "Running"';
    for await (const { workflowId } of client.workflow.list({ query })) {
      const remarks = await ask<DeploymentRemarks>(client, workflowId, 'remarks');
      states.push({ ...(await stateOf(client, workflowId)), remarks });
    }
    states.sort((a, b) => (a.pipeline < b.pipeline ? -1 : 1));
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

function remarkLines({ pipeline, remarks: { canary, trouble } }: { pipeline: string; remarks: DeploymentRemarks }) {
  return [
    ...(canary ? [`${pipeline}, canary: ${plainLine(canary)}`] : []),
    ...(trouble ? [`${pipeline}, trouble: ${plainLine(trouble)} It is tried again every minute.`] : []),
  ];
}

/** `history PIPELINE`: the decisions of a deployment, newest first. */
export function showHistory(pipeline: string, options: JsonOption & { limit: number }): Promise<number> {
  return withSession(async ({ client }) => {
    const { decisions } = await stateOf(client, deploymentId(pipeline));
    const shown = decisions.toReversed().slice(0, options.limit);
    printResult(options.json, shown, () => shown.map(decisionText).join('\n'));
    return EXIT.ok;
  });
}

/** `propose RUN`: proposes the winner of a run, whatever the run recommends. */
export function propose(id: string, options: DecisionOptions): Promise<number> {
  return withSession(async ({ client, environment }) => {
    const handle: RunHandle = client.workflow.getHandle(id);
    const { name: pipeline, promotion, evaluation } = await pipelineOf(environment, await describeRun(handle));
    const { deployable: winner, baseline, status } = await runJson(handle);
    if (!winner) throw new TuneloopError('RUN_NOT_FOUND', `${id} has no winner to propose (it is ${status})`);
    const { run, definition, datasetVersion, manifest } = winner;
    const live = evaluation.baseline === 'recorded' ? null : evaluation.baseline.live;
    const proposal: ProposeInput = {
      ...(await personalDecision(client, pipeline, options)),
      run,
      definition,
      datasetVersion,
      manifest,
      originalModel: live ?? baseline?.model ?? null,
      winner,
      policy: promotionPolicy(promotion),
    };
    return printDecision(client, pipeline, await send(client, pipeline, 'propose', proposal), options);
  });
}

export interface DecisionOptions extends JsonOption {
  why: string;
  by?: string;
  /** The decision that the person has seen; the newest one by default. */
  decision?: number;
}

type PersonsUpdate = 'approve' | 'reject' | 'rollback';

/** `approve`, `reject` and `rollback PIPELINE`. */
export function decide(update: PersonsUpdate, pipeline: string, options: DecisionOptions): Promise<number> {
  return withSession(async ({ client }) => {
    const input = await personalDecision(client, pipeline, options);
    return printDecision(client, pipeline, await send(client, pipeline, update, input), options);
  });
}

/** `canary PIPELINE SHARE`: gives the challenger this share of the calls. */
export function setCanary(pipeline: string, share: number, options: DecisionOptions): Promise<number> {
  return withSession(async ({ client }) => {
    const input = { ...(await personalDecision(client, pipeline, options)), share };
    return printDecision(client, pipeline, await send(client, pipeline, 'setCanary', input), options);
  });
}

async function personalDecision(
  client: Client,
  pipeline: string,
  { why, by, decision }: DecisionOptions,
): Promise<PersonalDecision> {
  const newest = decision ?? (await stateOf(client, deploymentId(pipeline))).decision;
  return { decision: newest, by: `person:${by ?? userInfo().username}`, why };
}

async function printDecision(client: Client, pipeline: string, decision: Decision, { json }: JsonOption) {
  const state = await stateOf(client, deploymentId(pipeline));
  printResult(json, { decision, deployment: state }, () => {
    const serves = state.champion?.model ?? 'the original prompt';
    return `${decisionText(decision)}\n${pipeline}: ${deploymentStage(state)}; ${serves} serves`;
  });
  return EXIT.ok;
}

/** An update waits until applications can read the decision. */
const UPDATE_TIMEOUT_MS = 30_000;

async function send(
  client: Client,
  pipeline: string,
  update: PersonsUpdate | 'setCanary' | 'propose',
  input: PersonalDecision | ProposeInput,
): Promise<Decision> {
  try {
    return await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
      client.workflow
        .getHandle(deploymentId(pipeline))
        .executeUpdate<Decision, [PersonalDecision | ProposeInput]>(update, { args: [input] }),
    );
  } catch (error) {
    throw readable(error, pipeline);
  }
}

const QUERY_TIMEOUT_MS = 10_000;

function stateOf(client: Client, workflowId: string): Promise<DeploymentState> {
  return ask<DeploymentState>(client, workflowId, 'deployment');
}

/** @throws TuneloopError DEPLOYMENT_NOT_FOUND, or TEMPORAL_UNREACHABLE where no worker answers. */
async function ask<Answer>(client: Client, workflowId: string, query: 'deployment' | 'remarks'): Promise<Answer> {
  try {
    return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      client.workflow.getHandle(workflowId).query<Answer>(query),
    );
  } catch (error) {
    throw readable(error, workflowId.replace(/^deployment\//, ''));
  }
}

function readable(error: unknown, pipeline: string): unknown {
  if (error instanceof WorkflowNotFoundError) {
    return new TuneloopError(
      'DEPLOYMENT_NOT_FOUND',
      `${pipeline} has no deployment: \`tuneloop deployments\` shows those that there are`,
    );
  }
  if (error instanceof WorkflowUpdateFailedError) {
    const { cause } = error;
    const reason = cause instanceof ApplicationFailure ? cause.message : error.message;
    return new TuneloopError('DEPLOYMENT_CHANGED', `${pipeline}: ${reason}`);
  }
  if (error instanceof ServiceError) {
    return new TuneloopError(
      'TEMPORAL_UNREACHABLE',
      `the deployment of ${pipeline} did not answer: a worker has to run for that, start one with \`npm run worker\``,
    );
  }
  return error;
}

function decisionText({ number, at, kind, model, by, why }: Decision): string {
  return `${number}  ${timeText(at)}  ${kind}  ${model ?? 'original prompt'}  by ${plainLine(by)}: ${plainLine(why)}`;
}

function timeText(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
