#!/usr/bin/env node
import { startWithMinimumNode } from './minimum-node.js';

startWithMinimumNode('tuneloop', () => import('../dist/client.js'));
