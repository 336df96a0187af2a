export { startTrainer } from './server.ts';
