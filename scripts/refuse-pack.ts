/** Runs before `npm pack` and `npm publish` in a folder of sources, whose manifest exports TypeScript, and refuses. */
console.error(
  `${process.env.npm_package_name ?? 'This package'} is not packed from its sources, because they are TypeScript. ` +
    'Run `npm run build:packages` at the root of the repository, and publish the tarballs that it writes.',
);
process.exitCode = 1;
