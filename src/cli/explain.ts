import { type Client, defaultPayloadConverter } from '@temporalio/client';
import { z } from 'zod';
import { artifactsOf } from '../client/runs.ts';
import { readEnvironment } from '../config/environment.ts';
import { deploymentId, jobWorkflowId } from '../contract/ids.ts';
import { deploymentQuery } from '../contract/messages.ts';
import { artifactStates } from '../lineage/artifact-states.ts';
import { lineageTree } from '../lineage/lineage-tree.ts';
import { artifactsOfLineage, modelLineage, type Part } from '../lineage/model-lineage.ts';
import { loadModel, type WorkflowMemory } from '../lineage/model-parts.ts';
import { connectClient, temporalTarget } from '../worker/connection.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';

interface ExplainOptions {
  json?: boolean;
  /** Whether all bytes are read and hashed. */
  verify?: boolean;
}

/** Reading this many bytes takes about a second. */
const LARGE_BYTES = 1 << 28;

/** `explain MODEL`: the origin of a model, its scores, and the decisions about it. Needs no server. */
export async function explain(model: string, { json, verify = false }: ExplainOptions): Promise<number> {
  const environment = readEnvironment();
  const { home } = environment;
  const artifacts = artifactsOf(environment);
  const temporal = await connect(home);
  try {
    const parts = await loadModel({ home, artifacts }, model, memoryOf(temporal));
    const states = await artifactStates(home, artifacts, artifactsOfLineage(parts), {
      verify,
      onRead: ({ sha256, bytes }) => {
        if (bytes >= LARGE_BYTES) say(`reading ${sha256.slice(0, 16)} (${Math.round(bytes / 2 ** 20)} MiB)`);
      },
    });
    const lineage = modelLineage(parts, states);
    printResult(json, lineage, () => lineageTree(lineage));
    return EXIT.ok;
  } finally {
    if (temporal.known) await temporal.value.connection.close();
  }
}

async function connect(home: string): Promise<Part<Client>> {
  try {
    return { known: true, value: await connectClient(temporalTarget(home)) };
  } catch (error) {
    return { known: false, why: error instanceof Error ? error.message : String(error) };
  }
}

const ANSWER_MS = 5000;

function memoryOf(temporal: Part<Client>): WorkflowMemory {
  /** Temporal knows only a part of the story: without it the rest is told. */
  const ask = async <T>(question: (client: Client) => Promise<T>, who: string): Promise<Part<T>> => {
    if (!temporal.known) return temporal;
    const client = temporal.value;
    try {
      return { known: true, value: await client.withDeadline(Date.now() + ANSWER_MS, () => question(client)) };
    } catch {
      return { known: false, why: `${who} does not answer: it is unknown to this Temporal server, or no worker runs` };
    }
  };
  return {
    decisions: (pipeline) =>
      ask(
        async (client) => (await client.workflow.getHandle(deploymentId(pipeline)).query(deploymentQuery)).decisions,
        `the deployment of ${pipeline}`,
      ),
    uploads: (run, candidate) =>
      ask(async (client) => {
        const { events } = await client.workflow.getHandle(jobWorkflowId(run, candidate)).fetchHistory();
        const payload = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
        return uploadsSchema.parse(payload && defaultPayloadConverter.fromPayload(payload));
      }, `the workflow of the job of ${candidate}`),
  };
}

const uploadsSchema = z.object({ trainingFile: z.string(), validationFile: z.string() });
