export { runFolder } from '../stores/home.ts';
