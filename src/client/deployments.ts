import { userInfo } from 'node:os';
import { type Client, ServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { QueryDefinition, UpdateDefinition } from '@temporalio/common';
import { ApplicationFailure } from '@temporalio/common';
import type { Environment } from '../config/environment.ts';
import { deploymentId } from '../contract/ids.ts';
import {
  approveUpdate,
  deploymentQuery,
  type ProposeInput,
  proposeUpdate,
  rejectUpdate,
  remarksQuery,
  rollbackUpdate,
  setCanaryUpdate,
} from '../contract/messages.ts';
import type { Decision, DeploymentState, PersonalDecision } from '../core/deployment/deployment.ts';
import { promotionPolicy } from '../core/deployment/promotion.ts';
import type { DeploymentRemarks } from '../core/deployment/render.ts';
import { TuneloopError } from '../errors.ts';
import { describeRun, pipelineOf, type RunHandle, runJson } from './runs.ts';
import type { TuneloopSession } from './session.ts';

/** A deployment in a list, with the findings about its canary and the cause of any delay. */
export type ListedDeployment = DeploymentState & { remarks: DeploymentRemarks };

/** A person's decision about a deployment, with the reason. */
export interface DecisionOptions {
  /** Kept with the decision; 1 to 1000 characters. */
  why: string;
  /** The person who decides; the user of this machine by default. */
  by?: string;
  /** The decision that the person has seen; the newest one by default. If there is a newer one, this one is refused. */
  decision?: number;
}

/** A decision that was made, and the deployment after it. */
export interface MadeDecision {
  decision: Decision;
  deployment: DeploymentState;
}

export type PersonsUpdate = 'approve' | 'reject' | 'rollback';

const PERSONS_UPDATES: Record<PersonsUpdate, UpdateDefinition<Decision, [PersonalDecision]>> = {
  approve: approveUpdate,
  reject: rejectUpdate,
  rollback: rollbackUpdate,
};

const LONGEST_REASON = 1000;

/** The serving model of each pipeline, and the decisions of people about it. */
export class DeploymentClient {
  readonly #session: TuneloopSession;

  constructor(session: TuneloopSession) {
    this.#session = session;
  }

  /** The deployments, by the name of their pipeline. @throws TuneloopError TEMPORAL_UNREACHABLE */
  async list(): Promise<ListedDeployment[]> {
    return listDeployments(await this.#session.client());
  }

  /** One deployment as it is now. @throws TuneloopError DEPLOYMENT_NOT_FOUND, TEMPORAL_UNREACHABLE */
  async get(pipeline: string): Promise<DeploymentState> {
    return stateOf(await this.#session.client(), deploymentId(pipeline));
  }

  /** The decisions of a deployment, newest first, at most `limit` (20). @throws TuneloopError DEPLOYMENT_NOT_FOUND */
  async history(pipeline: string, { limit = 20 }: { limit?: number } = {}): Promise<Decision[]> {
    const { decisions } = await this.get(pipeline);
    return decisions.toReversed().slice(0, limit);
  }

  /** Promotes the winner that waits. @throws TuneloopError DEPLOYMENT_NOT_FOUND, DEPLOYMENT_CHANGED, USAGE */
  approve(pipeline: string, options: DecisionOptions): Promise<MadeDecision> {
    return this.decide('approve', pipeline, options);
  }

  /** Drops the winner that waits or is a canary. @throws TuneloopError DEPLOYMENT_NOT_FOUND, DEPLOYMENT_CHANGED, USAGE */
  reject(pipeline: string, options: DecisionOptions): Promise<MadeDecision> {
    return this.decide('reject', pipeline, options);
  }

  /** Goes back to the model that served before. @throws TuneloopError DEPLOYMENT_NOT_FOUND, DEPLOYMENT_CHANGED, USAGE */
  rollback(pipeline: string, options: DecisionOptions): Promise<MadeDecision> {
    return this.decide('rollback', pipeline, options);
  }

  /** {@link approve}, {@link reject} or {@link rollback}, by name. Returns when applications can read the decision. */
  async decide(update: PersonsUpdate, pipeline: string, options: DecisionOptions): Promise<MadeDecision> {
    checkReason(options);
    const client = await this.#session.client();
    return made(
      client,
      pipeline,
      await send(client, pipeline, PERSONS_UPDATES[update], await personalDecision(client, pipeline, options)),
    );
  }

  /**
   * Gives the challenger a share of the calls.
   *
   * @param share more than 0, at most 1; 1 makes it the champion
   * @throws TuneloopError DEPLOYMENT_NOT_FOUND, DEPLOYMENT_CHANGED, USAGE
   */
  async setCanary(pipeline: string, share: number, options: DecisionOptions): Promise<MadeDecision> {
    checkReason(options);
    if (!(share > 0 && share <= 1)) {
      throw new TuneloopError('USAGE', `the share of the calls is ${share}: give more than 0 and at most 1`);
    }
    const client = await this.#session.client();
    const input = { ...(await personalDecision(client, pipeline, options)), share };
    return made(client, pipeline, await send(client, pipeline, setCanaryUpdate, input));
  }

  /**
   * Proposes the winner of a run, whatever the run recommends.
   *
   * @throws TuneloopError RUN_NOT_FOUND where there is no run or no winner, DEPLOYMENT_NOT_FOUND, DEPLOYMENT_CHANGED, USAGE
   */
  async propose(run: string, options: DecisionOptions): Promise<MadeDecision> {
    checkReason(options);
    return propose(await this.#session.client(), this.#session.environment, run, options);
  }
}

/** Decisions are kept in every alias, so they have to be short. */
function checkReason({ why }: DecisionOptions): void {
  const { length } = why.trim();
  if (length >= 1 && length <= LONGEST_REASON) return;
  throw new TuneloopError('USAGE', `the reason has ${length} characters: give 1 to ${LONGEST_REASON}`);
}

async function listDeployments(client: Client): Promise<ListedDeployment[]> {
  const states: ListedDeployment[] = [];
  const query = 'WorkflowType = "deployment" AND ExecutionStatus = "Running"';
  for await (const { workflowId } of client.workflow.list({ query })) {
    const remarks = await ask(client, workflowId, remarksQuery);
    states.push({ ...(await stateOf(client, workflowId)), remarks });
  }
  return states.sort((a, b) => (a.pipeline < b.pipeline ? -1 : 1));
}

async function propose(
  client: Client,
  environment: Environment,
  id: string,
  options: DecisionOptions,
): Promise<MadeDecision> {
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
  return made(client, pipeline, await send(client, pipeline, proposeUpdate, proposal));
}

async function made(client: Client, pipeline: string, decision: Decision): Promise<MadeDecision> {
  return { decision, deployment: await stateOf(client, deploymentId(pipeline)) };
}

async function personalDecision(
  client: Client,
  pipeline: string,
  { why, by, decision }: DecisionOptions,
): Promise<PersonalDecision> {
  const newest = decision ?? (await stateOf(client, deploymentId(pipeline))).decision;
  return { decision: newest, by: `person:${by ?? userInfo().username}`, why };
}

/** An update waits until applications can read the decision. */
const UPDATE_TIMEOUT_MS = 30_000;

async function send<Input>(
  client: Client,
  pipeline: string,
  update: UpdateDefinition<Decision, [Input]>,
  input: Input,
): Promise<Decision> {
  try {
    return await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
      client.workflow
        .getHandle(deploymentId(pipeline))
        .executeUpdate<Decision, [Input]>(update.name, { args: [input] }),
    );
  } catch (error) {
    throw readable(error, pipeline);
  }
}

const QUERY_TIMEOUT_MS = 10_000;

function stateOf(client: Client, workflowId: string): Promise<DeploymentState> {
  return ask(client, workflowId, deploymentQuery);
}

/** @throws TuneloopError DEPLOYMENT_NOT_FOUND, or TEMPORAL_UNREACHABLE where no worker answers. */
async function ask<Answer>(client: Client, workflowId: string, query: QueryDefinition<Answer>): Promise<Answer> {
  try {
    return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      client.workflow.getHandle(workflowId).query(query),
    );
  } catch (error) {
    throw readable(error, workflowId.replace(/^deployment\//, ''));
  }
}

function readable(error: unknown, pipeline: string): unknown {
  if (error instanceof WorkflowNotFoundError) {
    return new TuneloopError(
      'DEPLOYMENT_NOT_FOUND',
      `${pipeline} has no deployment: \`tuneloop deployments\` shows the existing ones`,
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
      `the deployment of ${pipeline} did not answer: it needs a running worker, start one with \`npm run worker\``,
    );
  }
  return error;
}
