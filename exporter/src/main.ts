#!/usr/bin/env node
import { holdYoungGeneration } from './cli/young-generation.ts';

// Before all else is loaded, which is what an import at the top would do.
holdYoungGeneration();
await import('./cli/program.ts');
