import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../prometheus/', import.meta.url));
const able = spawnSync('promtool', ['--version']).status === 0;
const tests = readdirSync(`${FOLDER}tests`);

describe.skipIf(!able)('what promtool says of the rules', () => {
  it('they are in order', () => {
    const files = readdirSync(`${FOLDER}rules`).map((name) => `${FOLDER}rules/${name}`);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', ...files], { encoding: 'utf8' });
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  describe('each does what its tests say', () => {
    const said = new Map<string, string>();

    beforeAll(async () => {
      const waiting = [...tests];
      const work = async () => {
        for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
          const { exitCode, all = '' } = await execa('promtool', ['test', 'rules', `${FOLDER}tests/${name}`], {
            all: true,
            reject: false,
            timeout: 120_000,
          });
          said.set(name, exitCode === 0 ? 'passes' : all);
        }
      };
      await Promise.all(cpus().map(work));
    }, 300_000);

    it.each(tests)('%s', (name) => {
      expect(said.get(name)).toBe('passes');
    });
  });
});
