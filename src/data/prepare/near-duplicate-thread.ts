import { parentPort, workerData } from 'node:worker_threads';
import { PairSearch, type Pairs, type SearchData } from './pair-search.ts';

/** What a thread is started with. */
export interface SearchTask {
  data: SearchData;
  /** The bands to look through, or equal texts. */
  work: 'equal' | number[];
}

/* One thread does one task, tells the pairs of each band, and ends; ending it early is how a search is cancelled. */
run(workerData as SearchTask);

function run({ data, work }: SearchTask): void {
  const search = new PairSearch(data);
  if (work === 'equal') tell(search.equalPairs());
  else for (const band of work) tell(search.nearPairs(band));
}

function tell(pairs: Pairs): void {
  parentPort?.postMessage(pairs);
}
