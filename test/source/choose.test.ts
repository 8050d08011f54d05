import { describe, expect, it } from 'vitest';
import { ExporterError } from '../../exporter/src/errors.ts';
import type { SourceName } from '../../exporter/src/mptcp/model.ts';
import { type Open, openSource } from '../../exporter/src/source/choose.ts';
import type { Source } from '../../exporter/src/source/source.ts';
import { fixture, fixturePath, procTree } from '../linux/proc/tree.ts';

const UPSTREAM = { 'sys/net/mptcp/enabled': '1\n' };

function fake(name: SourceName): Source {
  return { name, kernel: 'upstream', read: () => Promise.reject(new Error('not read here')), close: () => undefined };
}

/** Openers of which the named ones fail with the code, and what was tried. */
function openers(failing: Partial<Record<SourceName, ExporterError>> = {}) {
  const tried: SourceName[] = [];
  const open =
    (name: SourceName): Open =>
    () => {
      tried.push(name);
      const failure = failing[name];
      if (failure !== undefined) throw failure;
      return fake(name);
    };
  return { tried, openers: { netlink: open('netlink'), ss: open('ss'), procfs: open('procfs') } };
}

const NO_FFI = new ExporterError('ffi_unavailable', 'cannot load koffi on this platform');
const NO_SS = new ExporterError('tool_missing', 'ss is not installed', { remedy: 'Install iproute2.' });

describe('openSource with auto', () => {
  it('takes netlink on an upstream kernel', async () => {
    const { openers: fakes } = openers();
    const { source, reason } = await openSource({ source: 'auto', procfs: procTree(UPSTREAM) }, fakes);
    expect([source.name, reason]).toEqual(['netlink', 'the kernel has upstream MPTCP']);
  });

  it('takes procfs on an out-of-tree kernel, and for a captured tree of one', async () => {
    const { source, reason } = await openSource({ source: 'auto', procfs: fixturePath('out-of-tree-v0.91') });
    expect([source.name, source.kernel, reason]).toEqual(['procfs', 'out-of-tree', 'the kernel has out-of-tree MPTCP']);
  });

  it('takes netlink on a kernel without MPTCP, for the interfaces', async () => {
    const procfs = procTree({});
    const { source, reason } = await openSource({ source: 'auto', procfs }, openers().openers);
    expect([source.name, reason]).toEqual(['netlink', `there is no MPTCP under ${procfs}`]);
  });

  it('takes ss where koffi does not load, and says why', async () => {
    const { openers: fakes, tried } = openers({ netlink: NO_FFI });
    const { source, reason } = await openSource({ source: 'auto', procfs: procTree(UPSTREAM) }, fakes);
    expect([source.name, tried]).toEqual(['ss', ['netlink', 'ss']]);
    expect(reason).toContain('cannot load koffi');
  });

  it('never throws: when nothing can be opened every reading says what to do, and holds what files tell', async () => {
    const { openers: fakes } = openers({ netlink: NO_FFI, ss: NO_SS });
    const names = ['dev', 'route', 'fib_trie', 'if_inet6'].map((name) => `net/${name}`);
    const files = Object.fromEntries(names.map((name) => [name, fixture(`out-of-tree-v0.91/${name}`)]));
    const { source, reason } = await openSource({ source: 'auto', procfs: procTree({ ...UPSTREAM, ...files }) }, fakes);
    expect(reason).toContain('ss is not installed');
    const reading = await source.read(new Set(['mib', 'sysctl', 'endpoints']));
    const failure = { code: 'tool_missing', message: 'ss is not installed. Install iproute2.' };
    expect(reading).toMatchObject({ sockets: { failure }, endpoints: { failure } });
    expect(reading.interfaces.value?.map(({ name }) => name)).toEqual(['eth0', 'wwan0', 'lo']);
    expect(reading.sysctl?.value?.enabled).toBe(true);
    expect(reading.mib?.failure?.code).toBe('not_supported');
    expect(await source.read(new Set())).not.toHaveProperty('mib');
    source.close();
  });

  it('never throws when the kernel cannot even be told', async () => {
    const procfs = procTree({ 'sys/net/mptcp/enabled': '1\n' });
    const endless = `${procfs}/${'x'.repeat(5000)}`;
    const { source, reason } = await openSource({ source: 'auto', procfs: endless }, openers().openers);
    expect(source.name).toBe('netlink');
    expect(reason).toContain('unknown');
  });

  it('hands the options on to the source', async () => {
    const procfs = procTree(UPSTREAM);
    let given: unknown;
    const { openers: fakes } = openers();
    const netlink: Open = (options) => {
      given = options;
      return fake('netlink');
    };
    await openSource({ source: 'auto', procfs, timeoutMs: 250 }, { ...fakes, netlink });
    expect(given).toEqual({ procfs, timeoutMs: 250 });
  });
});

describe('openSource with a named source', () => {
  it.each<SourceName>(['netlink', 'ss'])('opens %s and nothing else', async (name) => {
    const { openers: fakes, tried } = openers();
    const { source, reason } = await openSource({ source: name, procfs: procTree(UPSTREAM) }, fakes);
    expect([source.name, reason, tried]).toEqual([name, `--source=${name}`, [name]]);
  });

  it('does not fall back: a named source that cannot be opened is an error', async () => {
    const { openers: fakes, tried } = openers({ netlink: NO_FFI });
    await expect(openSource({ source: 'netlink', procfs: procTree(UPSTREAM) }, fakes)).rejects.toBe(NO_FFI);
    expect(tried).toEqual(['netlink']);
  });

  it.each<SourceName>(['netlink', 'ss'])('refuses %s on an out-of-tree kernel, with a remedy', async (name) => {
    const { openers: fakes, tried } = openers();
    const procfs = fixturePath('out-of-tree-v0.91');
    await expect(openSource({ source: name, procfs }, fakes)).rejects.toMatchObject({
      code: 'not_supported',
      remedy: expect.stringContaining('--source=procfs'),
    });
    expect(tried).toEqual([]);
  });

  it('refuses procfs on an upstream kernel, with a remedy', async () => {
    await expect(openSource({ source: 'procfs', procfs: procTree(UPSTREAM) })).rejects.toMatchObject({
      code: 'not_supported',
      remedy: expect.stringContaining('--source=auto'),
    });
  });
});
