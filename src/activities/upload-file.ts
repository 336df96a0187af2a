import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { uploadName } from '../providers/upload-name.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

export interface UploadFileInput {
  definition: ArtifactRef;
  role: 'train' | 'validation';
  file: ArtifactRef;
}

/** Uploads a file unless the provider has it. */
export function createUploadFile(dependencies: Dependencies) {
  return async ({ definition, role, file }: UploadFileInput): Promise<string> => {
    const { provider: choice } = await loadPipeline(dependencies, definition);
    const { training } = dependencies.connectProvider(choice);
    const name = uploadName(role, file);
    return (
      (await training.findFile(name, file.bytes)) ??
      (await training.uploadFile(name, await dependencies.artifacts.file(file)))
    );
  };
}
