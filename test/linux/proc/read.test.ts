import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attempt, isMissing, readText } from '../../../exporter/src/linux/proc/read.ts';
import { procTree } from './tree.ts';

function failingWith(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}

describe('readText', () => {
  it('reads a /proc file, whose size says 0, to its end', async () => {
    expect(await readText('/proc/self/status')).toMatch(/^Name:.*\n[\s\S]*ctxt_switches:\s+\d+\n$/);
  });

  it('reads a file longer than one chunk whole', async () => {
    const text = 'é123456\n'.repeat(40_000);
    expect(await readText(join(procTree({ long: text }), 'long'))).toBe(text);
  });

  it('stops at the bound instead of filling the memory', async () => {
    const root = procTree({ exact: 'x'.repeat(1000), over: 'x'.repeat(1001) });
    expect(await readText(join(root, 'exact'), 1000)).toHaveLength(1000);
    await expect(readText(join(root, 'over'), 1000)).rejects.toMatchObject({ code: 'output_too_large' });
    await expect(readText('/dev/zero')).rejects.toMatchObject({ code: 'output_too_large' });
  });

  it('does not wait for a writer when it meets a FIFO', async () => {
    const root = procTree({ other: '' });
    execFileSync('mkfifo', [join(root, 'fifo')]);
    expect(await readText(join(root, 'fifo'))).toBe('');
  });

  it('says what is missing or cannot be read, with the path', async () => {
    const root = procTree({ 'net/dev': '' });
    const missing = await readText(join(root, 'net/tcp')).catch((caught: unknown) => caught);
    expect(missing).toMatchObject({ code: 'not_supported', message: expect.stringContaining('net/tcp') });
    expect(isMissing(missing)).toBe(true);
    await expect(readText(join(root, 'net/dev/tcp'))).rejects.toMatchObject({ code: 'not_supported' });
    const directory = await readText(join(root, 'net')).catch((caught: unknown) => caught);
    expect(directory).toMatchObject({ code: 'unreadable', message: expect.stringContaining('EISDIR') });
    expect(isMissing(directory)).toBe(false);
  });
});

/** An operation that ends with this errno. */
const fail = (errno: string) => (): never => {
  throw failingWith(errno);
};

describe('attempt', () => {
  it.each([
    ['EACCES', 'permission_denied'],
    ['EPERM', 'permission_denied'],
    ['ENOENT', 'not_supported'],
    ['EIO', 'unreadable'],
  ])('tells %s as %s', (errno, code) => {
    expect(() => attempt('/proc/x', fail(errno))).toThrow(expect.objectContaining({ code }));
  });

  it('gives a remedy where permission is missing', () => {
    const remedy = expect.stringContaining('CAP_NET_ADMIN');
    expect(() => attempt('/proc/x', fail('EACCES'))).toThrow(expect.objectContaining({ remedy }));
  });

  it('repeats after a signal, and not for ever', () => {
    let calls = 0;
    const interrupted = () => (++calls < 4 ? fail('EINTR')() : 'read');
    expect(attempt('/proc/x', interrupted)).toBe('read');
    expect(calls).toBe(4);
    expect(() => attempt('/proc/x', fail('EINTR'))).toThrow(expect.objectContaining({ code: 'interrupted' }));
  });
});
