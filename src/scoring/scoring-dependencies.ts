import type { Prices } from '../core/evaluation/cost.ts';
import type { ProviderChoice } from '../core/run/pipeline.ts';
import type { Provider } from '../providers/provider.ts';

/** What scoring needs from outside; the dependencies of activities have it. */
export interface ScoringDependencies {
  /** Folder where the answers of a judge are kept. */
  home: string;
  prices: Prices;
  connectProvider(choice: ProviderChoice): Provider;
}
