#!/usr/bin/env node
import { startWithMinimumNode } from './minimum-node.js';

startWithMinimumNode('tuneloop-worker', () => import('../dist/worker.js'));
