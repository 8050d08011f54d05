import { describe, expect, it } from 'vitest';
import { inHosts, TargetResolver } from '../../exporter/src/probe/resolver.ts';

/** A resolver whose servers answer as told, and its clock. */
function scene(answers: (readonly string[] | Error)[]) {
  const clock = { now: 0 };
  const asked: string[] = [];
  const lookup = async (name: string) => {
    asked.push(name);
    const answer = answers.shift() ?? new Error('no servers');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { clock, asked, resolver: new TargetResolver(lookup, () => clock.now) };
}

describe('the addresses of a target', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8::0:1', '2001:db8::1'],
  ])('%s is one already', async (host, address) => {
    const { resolver, asked } = scene([]);
    expect(await resolver.addresses(host)).toEqual([address]);
    expect(asked).toEqual([]);
  });

  it('are asked for once a minute', async () => {
    const { resolver, asked, clock } = scene([['192.0.2.1'], ['192.0.2.2']]);
    expect(await Promise.all([resolver.addresses('a'), resolver.addresses('a')])).toEqual([
      ['192.0.2.1'],
      ['192.0.2.1'],
    ]);
    clock.now = 59;
    expect(await resolver.addresses('a')).toEqual(['192.0.2.1']);
    expect(asked).toHaveLength(1);
    clock.now = 61;
    // Not waited for: the last answer will do meanwhile.
    expect(await resolver.addresses('a')).toEqual(['192.0.2.1']);
    expect(await resolver.addresses('a')).toEqual(['192.0.2.2']);
    expect(asked).toHaveLength(2);
  });

  it('go on being used while the servers cannot be reached', async () => {
    const { resolver, clock } = scene([['192.0.2.1']]);
    await resolver.addresses('a');
    for (let hour = 1; hour < 50; hour++) {
      clock.now = 3600 * hour;
      expect(await resolver.addresses('a')).toEqual(['192.0.2.1']);
    }
  });

  it('are none when there are none, which is asked again after 5 s', async () => {
    const { resolver, asked, clock } = scene([new Error('NXDOMAIN'), ['192.0.2.1']]);
    expect(await resolver.addresses('a')).toEqual([]);
    clock.now = 4;
    expect(await resolver.addresses('a')).toEqual([]);
    expect(asked).toHaveLength(1);
    clock.now = 5;
    expect(await resolver.addresses('a')).toEqual(['192.0.2.1']);
  });

  it('stand in the hosts file first, IPv4 before IPv6', () => {
    const text =
      '127.0.0.1 localhost\n2001:db8::1 vps.example\t# the server\n192.0.2.7\tother VPS.example\nx vps.example\n#192.0.2.9 vps.example\n';
    expect(inHosts(text, 'vps.example')).toEqual(['192.0.2.7', '2001:db8::1']);
    expect(inHosts(text, 'example')).toEqual([]);
  });
});
