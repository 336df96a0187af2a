/** What the answers of a model are held to while it writes them. */
export type Constraint =
  | { readonly kind: 'labels'; readonly labels: readonly string[] }
  | { readonly kind: 'json_schema'; readonly schema: unknown };
