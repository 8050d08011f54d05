import { describe, expect, it } from 'vitest';
import { type LinkSpec, planLinks, reshape } from './links.ts';
import { netem, tbf, wirefilterCommands } from './shape.ts';

const shape = { rateMbit: 93, delayMs: 5, lossPercent: 0.5, queueMs: 50 };

describe('planLinks', () => {
  it('numbers the links into addresses and gives every link after the first a subflow endpoint', () => {
    const [eth0, wlan0] = planLinks([{ name: 'eth0' }, { name: 'wlan0', ipv6: false }], false);
    expect(eth0).toMatchObject({
      index: 1,
      client: { ipv4: '10.77.1.1', ipv6: 'fd77:1::1' },
      server: { ipv4: '10.77.1.2', ipv6: 'fd77:1::2' },
    });
    expect(eth0?.endpoint).toEqual([]);
    expect(wlan0).toMatchObject({
      client: { ipv4: '10.77.2.1', ipv6: undefined },
      endpoint: ['subflow'],
      announce: false,
    });
  });

  it.each<[string, LinkSpec, boolean, string]>([
    ['a bare veth pair for a rate alone', { name: 'a', rateMbit: 10 }, true, 'veth'],
    ['netem for a delay where the kernel has it', { name: 'a', delayMs: 5 }, true, 'netem'],
    ['VDE for a delay where it has not', { name: 'a', down: { delayMs: 5 } }, false, 'vde'],
    ['VDE for a loss of 0, which may change later', { name: 'a', lossPercent: 0 }, false, 'vde'],
    ['what the test asks for', { name: 'a', emulation: 'vde' }, true, 'vde'],
  ])('makes a link of %s', (_, spec, hasNetem, emulation) => {
    expect(planLinks([spec], hasNetem)[0]?.emulation).toBe(emulation);
  });

  it('lets a direction override what is said for both', () => {
    const [link] = planLinks(
      [{ name: 'lte0', rateMbit: 8, delayMs: 30, up: { rateMbit: 4 }, down: { lossPercent: 1 } }],
      false,
    );
    expect(link?.up).toEqual({ rateMbit: 4, delayMs: 30, lossPercent: 0, queueMs: 50 });
    expect(link?.down).toEqual({ rateMbit: 8, delayMs: 30, lossPercent: 1, queueMs: 50 });
  });

  it.each<[string, LinkSpec[]]>([
    ['no link', []],
    ['a name that is no interface name', [{ name: 'eth 0' }]],
    ['the loopback', [{ name: 'lo' }]],
    ['a name twice', [{ name: 'a' }, { name: 'a' }]],
    ['a rate of 0', [{ name: 'a', rateMbit: 0 }]],
    ['a rate that is no number', [{ name: 'a', rateMbit: Number.NaN }]],
    ['a loss above 100', [{ name: 'a', lossPercent: 101 }]],
    ['a negative delay', [{ name: 'a', delayMs: -1 }]],
    ['a delay on a bare veth pair', [{ name: 'a', emulation: 'veth', delayMs: 1 }]],
  ])('refuses %s', (_, specs) => {
    expect(() => planLinks(specs, false)).toThrow();
  });
});

describe('reshape', () => {
  it('keeps what the change does not name', () => {
    expect(reshape(shape, 'vde', { lossPercent: 2 }, undefined)).toEqual({ ...shape, lossPercent: 2 });
  });

  it('says how to get a delay that can change when the link is a bare veth pair', () => {
    expect(() => reshape({ ...shape, delayMs: 0, lossPercent: 0 }, 'veth', { delayMs: 1 })).toThrow(
      /create it with delayMs: 0/,
    );
  });
});

describe('shapes', () => {
  it('limit the rate by a queue of the time asked for, with a burst of at least 16 KiB or 1 ms', () => {
    expect(tbf(shape)).toBe('tbf rate 93000kbit burst 16384 latency 50ms');
    expect(tbf({ ...shape, rateMbit: 1000 })).toBe('tbf rate 1000000kbit burst 125000 latency 50ms');
    expect(tbf({ ...shape, rateMbit: undefined })).toBeUndefined();
  });

  it('give netem room for what is under way and what waits', () => {
    expect(netem({ ...shape, rateMbit: 12, delayMs: 50 })).toBe(
      'netem limit 110 delay 50000us loss 0.5% rate 12000kbit',
    );
    expect(netem({ ...shape, rateMbit: undefined })).toBe('netem limit 100000 delay 5000us loss 0.5%');
  });

  it('tell wirefilter each direction, the client being its left end', () => {
    expect(wirefilterCommands(shape, { ...shape, delayMs: 9, lossPercent: 0 })).toEqual([
      'delay LR5',
      'delay RL9',
      'loss LR0.5',
      'loss RL0',
    ]);
  });
});
