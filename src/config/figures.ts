import { z } from 'zod';

/** A share: 0 or more, and less than 1. */
export const fraction = z.number().gte(0).lt(1);
