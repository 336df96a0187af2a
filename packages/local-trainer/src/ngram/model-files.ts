/** The file of a job's model folder that all of its checkpoints share. */
export const sharedFile = (): string => 'shared.bin';

/** The file with the weights after a step. */
export const weightsFile = (step: number): string => `step-${step}.bin`;
