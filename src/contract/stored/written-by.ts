import packageJson from '../../../package.json' with { type: 'json' };

/** The version of Tuneloop that writes: records and aliases carry it as `writtenBy`. */
export const WRITTEN_BY = packageJson.version;
