import { falseWinsTable } from './false-wins.ts';
import { regretTable } from './regret.ts';

falseWinsTable();
console.log('');
await regretTable();
