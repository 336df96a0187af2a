export { runFolder } from './home.ts';
