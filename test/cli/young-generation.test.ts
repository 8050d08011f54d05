import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MODULE = fileURLToPath(new URL('../../exporter/src/cli/young-generation.ts', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../exporter/dist/main.js', import.meta.url));

/** Megabytes of the young generation of a program that keeps some of what it makes, told of so many subflows all the time. */
function sizeAfter(subflows: number): number {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8';
    const { fitYoungGeneration } = await import(${JSON.stringify(MODULE)});
    let kept = [];
    for (let round = 0; round < 60; round++) {
      fitYoungGeneration(${subflows});
      kept = Array.from({ length: 30_000 }, (_, i) => ({ i, round, last: kept[i]?.round }));
    }
    console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 2 ** 20);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

/** Each starts a program of its own. */
const SLOW_MACHINE = { timeout: 30_000 };

describe('the young generation', SLOW_MACHINE, () => {
  it('stays small while there is little to look at', () => {
    expect(sizeAfter(50)).toBeLessThanOrEqual(16);
  });

  it('is not grown by loading the program', () => {
    const report = `import { getHeapSpaceStatistics as spaces } from 'node:v8';
      process.on('exit', () => console.error(spaces().find((space) => space.space_name === 'new_space').space_size));`;
    const preload = `--import=data:text/javascript,${encodeURIComponent(report)}`;
    const { stderr } = spawnSync(process.execPath, [preload, PROGRAM, '--version'], { encoding: 'utf8' });
    expect(Number(stderr) / 2 ** 20).toBeLessThanOrEqual(4);
  });

  it('grows when there are thousands of subflows', () => {
    expect(sizeAfter(10_000)).toBe(32);
  });
});
