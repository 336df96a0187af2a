/** The imports of an application that calls a deployment: `import { createPredictor } from '@tuneloop/app/predict'`. */
export type { ChatClient } from './chat-client.ts';
export {
  createPredictor,
  type Prediction,
  type PredictOptions,
  type Predictor,
  type PredictorOptions,
} from './predictor.ts';
