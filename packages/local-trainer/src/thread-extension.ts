/** How the files of threads end: in a checkout the sources run themselves; built, they are JavaScript. */
export const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
