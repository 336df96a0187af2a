/** What can be recognised and replaced in inputs and answers. */
export const PII_TYPES = ['email', 'phone', 'card', 'iban', 'ip', 'jwt', 'key'] as const;
export type PiiType = (typeof PII_TYPES)[number];
