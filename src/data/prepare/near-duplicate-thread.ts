import { parentPort, workerData } from 'node:worker_threads';
import { PairSearch, type Pairs, type SearchData } from './pair-search.ts';

/** The input of a thread. */
export interface SearchTask {
  data: SearchData;
  /** The bands to look through, or equal texts. */
  work: 'equal' | number[];
}

/* One thread does one task, reports the pairs of each band, and ends; a search is cancelled by ending its threads. */
run(workerData as SearchTask);

function run({ data, work }: SearchTask): void {
  const search = new PairSearch(data);
  if (work === 'equal') tell(search.equalPairs());
  else for (const band of work) tell(search.nearPairs(band));
}

function tell(pairs: Pairs): void {
  parentPort?.postMessage(pairs);
}
