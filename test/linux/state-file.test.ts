import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadLibc } from '../../exporter/src/linux/libc.ts';
import { StateFile } from '../../exporter/src/linux/state-file.ts';

describe('a state file', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'state-'));
    path = join(directory, 'deep', 'state.json');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const open = async () => StateFile.open(await loadLibc(), path);

  it('keeps its text, for its owner alone, and makes its directory', async () => {
    const file = await open();
    expect(await file.read()).toBeUndefined();
    await file.write('first');
    await file.write('second');
    expect(await file.read()).toBe('second');
    file.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'deep'))).mode & 0o777).toBe(0o700);
    expect((await readdir(join(directory, 'deep'))).sort()).toEqual(['state.json', 'state.json.lock']);
  });

  it('is for one at a time, and free again once closed', async () => {
    const file = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'in_use',
      line: `${path} is in use by another exporter. Stop that one, or give each a state file of its own.`,
    });
    file.close();
    (await open()).close();
  });

  it('is free again when its holder was killed', async () => {
    const program = `
      import { loadLibc } from ${JSON.stringify(join(import.meta.dirname, '../../exporter/src/linux/libc.ts'))};
      import { StateFile } from ${JSON.stringify(join(import.meta.dirname, '../../exporter/src/linux/state-file.ts'))};
      const file = await StateFile.open(await loadLibc(), ${JSON.stringify(path)});
      await file.write('held');
      console.log('held');
      setInterval(() => file, 1000);`;
    const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program]);
    const ended = once(holder, 'exit');
    try {
      await once(holder.stdout, 'data');
      await expect(open()).rejects.toMatchObject({ code: 'in_use' });
    } finally {
      holder.kill('SIGKILL');
      await ended;
    }
    const file = await open();
    expect(await file.read()).toBe('held');
    file.close();
  });

  it('put aside is kept under another name', async () => {
    const file = await open();
    await file.write('damaged');
    expect(await file.putAside()).toBe(`${path}.damaged`);
    expect(await file.read()).toBeUndefined();
    expect(await readFile(`${path}.damaged`, 'utf8')).toBe('damaged');
    file.close();
  });

  it('says what is wrong with its place, and follows no link away from it', async () => {
    await writeFile(join(directory, 'deep'), '');
    await expect(open()).rejects.toMatchObject({ code: 'unwritable', message: expect.stringContaining(path) });
    await rm(join(directory, 'deep'));
    const file = await open();
    await writeFile(join(directory, 'elsewhere'), 'other');
    await symlink(join(directory, 'elsewhere'), path);
    await expect(file.read()).rejects.toMatchObject({ code: 'unreadable' });
    await symlink(join(directory, 'elsewhere'), `${path}.tmp`);
    await expect(file.write('mine')).rejects.toMatchObject({ code: 'unwritable' });
    expect(await readFile(join(directory, 'elsewhere'), 'utf8')).toBe('other');
    file.close();
  });

  it('is not read into memory when it is far too large', async () => {
    const file = await open();
    await writeFile(path, Buffer.alloc(5 * 1024 * 1024));
    await expect(file.read()).rejects.toMatchObject({ code: 'output_too_large' });
    file.close();
  });
});
