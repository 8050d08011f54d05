import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DASHBOARDS, rendered } from '../../grafana/src/dashboards.ts';

const COMMITTED = fileURLToPath(new URL('../../grafana/dashboards/', import.meta.url));
const GENERATE = fileURLToPath(new URL('../../grafana/src/generate.ts', import.meta.url));

function generate(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', GENERATE, ...args], { encoding: 'utf8' });
  return { status, stderr };
}

describe('the committed dashboards', () => {
  it('are exactly those that have a source', () => {
    expect(readdirSync(COMMITTED).filter((name) => name.endsWith('.json'))).toEqual(Object.keys(DASHBOARDS));
  });

  it.each(Object.entries(DASHBOARDS))('%s is what its source gives, twice the same', (name, build) => {
    expect(readFileSync(join(COMMITTED, name), 'utf8')).toBe(rendered(build()));
    expect(rendered(build())).toBe(rendered(build()));
  });
});

// Programs are started and compiled, which takes long beside other tests.
describe('generate.ts --check', { timeout: 60_000 }, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mptcp-dashboards-'));
    for (const name of Object.keys(DASHBOARDS)) copyFileSync(join(COMMITTED, name), join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('passes in silence when nothing has changed', () => {
    expect(generate('--check', folder)).toEqual({ status: 0, stderr: '' });
  });

  it('fails with one line that names the files and the remedy', () => {
    const file = join(folder, 'overview.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"refresh": "5s"', '"refresh": "1s"'));
    writeFileSync(join(folder, 'stray.json'), '{}');
    const { status, stderr } = generate('--check', folder);
    expect(status).toBe(1);
    expect(stderr).toBe(
      `${folder}: stray.json has no source, overview.json is out of date. Run npm run generate and commit it\n`,
    );
  });

  it('is satisfied again after generating', () => {
    writeFileSync(join(folder, 'overview.json'), '');
    expect(generate(folder).status).toBe(0);
    expect(generate('--check', folder).status).toBe(0);
  });
});
