import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

export interface UploadFileInput {
  definition: ArtifactRef;
  role: 'train' | 'validation';
  file: ArtifactRef;
}

/** Uploads a file unless the provider has it: the name holds the hash, so equal names mean equal bytes. */
export function createUploadFile(dependencies: Dependencies) {
  return async ({ definition, role, file }: UploadFileInput): Promise<string> => {
    const { provider: choice } = await loadPipeline(dependencies, definition);
    const { training } = dependencies.connectProvider(choice);
    const name = `${role}-${file.sha256}.jsonl`;
    return (
      (await training.findFile(name, file.bytes)) ??
      (await training.uploadFile(name, await dependencies.artifacts.file(file)))
    );
  };
}
