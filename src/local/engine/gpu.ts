import { firstExecutable } from '../executables.ts';
import { outputOf } from '../run-child.ts';

/** Whether NVIDIA's driver lists a GPU. */
export async function hasGpu(searchPath: readonly string[]): Promise<boolean> {
  const program = await firstExecutable(searchPath, 'nvidia-smi');
  if (program === undefined) return false;
  return /^GPU \d/m.test(await outputOf(program, ['-L']).catch(() => ''));
}
