import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { LOCAL_STEP, UPLOAD } from '../../contract/activity-options.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Dataset } from '../../core/run/dataset.ts';
import type { Candidate } from '../../core/run/plan.ts';
import type { Pause } from './pause.ts';
import { trainingFileKey, type UploadedFiles } from './train-candidate.ts';

const { halveFile } = proxyActivities<Activities>(LOCAL_STEP);
const { uploadFile } = proxyActivities<Activities>(UPLOAD);

/** Uploads the training and validation files of the candidates, each file once. */
export async function uploadTrainingFiles(
  definition: ArtifactRef,
  files: Dataset['files'],
  candidates: readonly Candidate[],
  pause: Pause,
): Promise<Map<string, UploadedFiles>> {
  const upload = (role: 'train' | 'validation', file: ArtifactRef) =>
    pause.around(() => uploadFile.executeWithOptions({ summary: `${role} file` }, [{ definition, role, file }]));
  const uploaded = new Map<string, UploadedFiles>();
  for (const { treatment, train, validation } of files) {
    const [trainingFile, validationFile] = await Promise.all([
      upload('train', train),
      upload('validation', validation),
    ]);
    uploaded.set(trainingFileKey({ treatment }), { trainingFile, validationFile });
    const halfData = candidates.find((candidate) => candidate.half && candidate.treatment === treatment);
    if (!halfData) continue;
    const file = await pause.around(() =>
      halveFile.executeWithOptions({ summary: 'half of the training rows' }, [{ file: train }]),
    );
    uploaded.set(trainingFileKey(halfData), { trainingFile: await upload('train', file), validationFile });
  }
  return uploaded;
}
