import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { DEPLOYMENT, LOCAL_STEP, PREFLIGHT } from '../contract/activity-options.ts';
import type { FineTuningPipelineInput } from '../contract/messages.ts';
import type { PlannedRun } from '../core/run/planned-run.ts';
import { asCancellation } from './steps/failure-reason.ts';

const { collect, prepare } = proxyActivities<Activities>(LOCAL_STEP);
const { plan } = proxyActivities<Activities>(PREFLIGHT);
const { readDeployment } = proxyActivities<Activities>(DEPLOYMENT);

/**
 * The first steps of a run, which cost nothing: the log becomes a dataset version, which a later run finds again, and the sweep is laid
 * out. A failure that would pause a run ends a plan, because nothing is lost by it.
 */
export async function planRun({ definition }: FineTuningPipelineInput): Promise<PlannedRun> {
  try {
    const snapshot = await collect.executeWithOptions({ summary: 'read the production log' }, [{ definition }]);
    const dataset = await prepare.executeWithOptions({ summary: `strip, clean, split ${snapshot.rows} rows` }, [
      { definition, snapshot },
    ]);
    const { champion } = await readDeployment.executeWithOptions({ summary: 'read the deployment' }, [{ definition }]);
    const planned = await plan.executeWithOptions({ summary: 'candidates and their cost' }, [
      { definition, dataset, champion },
    ]);
    setCurrentDetails(`${planned.candidates.length} candidates. ${planned.estimate.text}`);
    const { summary, text, warnings } = dataset;
    return { dataset: { summary, text, warnings }, plan: planned };
  } catch (error) {
    throw asCancellation(error);
  }
}
