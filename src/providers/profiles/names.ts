import type { BaseModel } from '../profile.ts';

/** The names of base models by the provider's ids, as price lists need them. */
export function namesById(models: readonly BaseModel[]): Readonly<Record<string, string>> {
  return Object.fromEntries(models.map(({ id, name }) => [id, name]));
}
