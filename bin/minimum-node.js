/**
 * Starts a program, unless this Node is too old for it. In plain JavaScript without imports, so that a Node that is too old
 * can still say what is wrong.
 *
 * @param {string} name of the program
 * @param {() => Promise<unknown>} start imports the program
 */
export function startWithMinimumNode(name, start) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 18)) {
    process.stderr.write(`${name} needs Node 22.18 or newer; this is Node ${process.versions.node}.\n`);
    process.exitCode = 2;
  } else {
    start();
  }
}
