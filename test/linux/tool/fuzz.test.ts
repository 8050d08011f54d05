import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExporterError } from '../../../exporter/src/errors.ts';
import { parseInterfaces } from '../../../exporter/src/linux/tool/ip.ts';
import { parseEndpoints, parseLimits } from '../../../exporter/src/linux/tool/ip-mptcp.ts';
import { parseSs } from '../../../exporter/src/linux/tool/ss.ts';
import { parseVersion } from '../../../exporter/src/linux/tool/version.ts';
import { mutated } from '../../support/mutate.ts';
import { processorMs } from '../../support/processor-time.ts';
import { captured, ENDS, LAYOUTS, RELEASES, versionsOf } from './captures.ts';

const captures = (name: (release: string) => string) =>
  ENDS.flatMap((end) => RELEASES.map((release) => captured(end, name(release))));
const dumps = (kind: string) => LAYOUTS.flatMap((layout) => captures((release) => `ss-v${release}-${kind}${layout}`));

/** Parser, texts to damage, and how often. */
const PARSERS: readonly [string, (text: string) => unknown, readonly string[], number][] = [
  ['connections of ss 5.10', (text) => parseSs(text, '', versionsOf('5.10.0')), dumps('M'), 4000],
  ['connections of ss 7.1', (text) => parseSs(text, '', versionsOf('7.1.0')), dumps('M'), 4000],
  ['subflows of ss', (text) => parseSs('', text, versionsOf('7.1.0')), dumps('t'), 5000],
  ['interfaces of ip', parseInterfaces, ENDS.map((end) => captured(end, 'ip-addr.json')), 3000],
  [
    'endpoints of ip',
    parseEndpoints,
    [...captures((release) => `ip-v${release}-endpoint`), ...captures((release) => `ip-v${release}-endpoint.json`)],
    5000,
  ],
  ['limits of ip', parseLimits, captures((release) => `ip-v${release}-limits`), 3000],
  ['versions', parseVersion, ['ss utility, iproute2-6.1.0, libbpf 1.1.2\n', '6.18.44-amd64'], 2000],
];

/** Of processor time; far above what a capture takes, so that it tells a slow expression but not a pause for garbage. */
const SLOW_MS = 250;

describe.each(PARSERS)('damaged text as %s', (_, parse, texts, runs) => {
  it('gives numbers or our own error, and is never slow', () => {
    let refused = 0;
    fc.assert(
      fc.property(mutated(texts), (text) => {
        let ending: unknown;
        const took = processorMs(() => {
          ending = attempt(parse, text);
        });
        if (ending === 'refused') refused++;
        return took < SLOW_MS && !JSON.stringify(ending ?? '').includes('null');
      }),
      { numRuns: runs },
    );
    expect(refused).toBeLessThan(runs);
  }, 120_000);
});

/** What the parser gives, or that it refused; NaN and infinity show as null once it is JSON. */
function attempt(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch (caught) {
    if (!(caught instanceof ExporterError) || caught.code !== 'malformed' || caught.message.includes('\n'))
      throw caught;
    return 'refused';
  }
}
