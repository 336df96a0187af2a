import { z } from 'zod';
import { BASE_MODELS, type BaseModel, RECIPES } from './features.ts';
import { Nearest } from './nearest.ts';
import { pack, Unpacked } from './packed.ts';
import { CompactSoftmax } from './softmax.ts';
import { type SparseRows, Vocabulary } from './vocabulary.ts';

/** A trained model: its answer depends on nothing but the input. */
export interface TunedModel {
  answer(input: string): string;
}

const classifierMeta = z.object({ base: z.enum(BASE_MODELS), labels: z.array(z.string()).min(1) });
const generatorMeta = z.object({
  base: z.enum(BASE_MODELS),
  examples: z.array(z.object({ input: z.string(), completion: z.string() })),
});

/*
 * A model is two files: what all checkpoints of a job share (vocabulary, labels or examples), and the weights of one step.
 */

export function packClassifier(base: BaseModel, vocabulary: Vocabulary, labels: readonly string[]): Buffer {
  return pack('classifier', { base, labels }, { hashes: vocabulary.hashes, idf: vocabulary.idf });
}

export function packClassifierWeights(softmax: CompactSoftmax): Buffer {
  const { weights, scales, bias } = softmax;
  return pack('classifier-weights', null, { weights, scales, bias });
}

export function packGenerator(base: BaseModel, nearest: Nearest, rows: SparseRows): Buffer {
  const { hashes, idf } = nearest.vocabulary;
  return pack('generator', { base, examples: nearest.examples }, { hashes, idf, ...rows });
}

export function packGeneratorWeights(nearest: Nearest): Buffer {
  return pack('generator-weights', null, { weights: nearest.weights });
}

/**
 * Makes the model of two files callable.
 *
 * @throws Error when the bytes are not those of a model
 */
export function unpackModel(sharedBytes: Uint8Array, weightBytes: Uint8Array): TunedModel {
  const shared = new Unpacked(sharedBytes);
  const weights = new Unpacked(weightBytes);
  if (shared.kind === 'classifier') {
    const { base, labels } = classifierMeta.parse(shared.meta);
    const vocabulary = new Vocabulary(RECIPES[base], shared.uint32('hashes'), shared.float32('idf'));
    const softmax = new CompactSoftmax(
      labels.length,
      weights.int8('weights'),
      weights.float32('scales'),
      weights.float32('bias'),
    );
    return { answer: (input) => labels[softmax.predict(vocabulary.vectorize(input))] ?? '' };
  }
  const { base, examples } = generatorMeta.parse(shared.meta);
  const vocabulary = new Vocabulary(RECIPES[base], shared.uint32('hashes'), shared.float32('idf'));
  const rows = {
    starts: shared.uint32('starts'),
    indices: shared.uint32('indices'),
    values: shared.float32('values'),
  };
  return new Nearest(vocabulary, rows, examples, weights.float32('weights'));
}
