#!/usr/bin/env node
// In plain JavaScript without imports, so that a Node that is too old can still say what is wrong.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`tuneloop needs Node 22.18 or newer; this is Node ${process.versions.node}.\n`);
  process.exitCode = 2;
} else {
  import('../dist/client.js');
}
