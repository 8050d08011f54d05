import { homedir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PORTS, parseOptions } from '../../stack/options.ts';

const parse = (...args: string[]) => parseOptions(args, () => undefined);

describe('the flags of npm run stack', () => {
  it('default to the ports of the shipped configuration and a folder of the checkout that git ignores', () => {
    const { data, ...rest } = parse() ?? {};
    expect(rest).toEqual({ ports: DEFAULT_PORTS, withLab: false, exporterFlags: [] });
    expect(data).toMatch(/\/stack-data$/);
  });

  it('take a folder, ports, the lab, and flags of the exporter behind a -- of their own', () => {
    const options = parse(
      '--data',
      `${homedir()}/x`,
      '--grafana-port=3001',
      '--',
      '--source=ss',
      '--config.file=a.yml',
    );
    expect(options).toMatchObject({
      data: `${homedir()}/x`,
      ports: { ...DEFAULT_PORTS, grafana: 3001 },
      exporterFlags: ['--source=ss', '--config.file=a.yml'],
    });
    expect(parse('--with-lab')?.withLab).toBe(true);
  });

  it('print help that names every flag', () => {
    let help = '';
    expect(
      parseOptions(['--help'], (text) => {
        help += text;
      }),
    ).toBeUndefined();
    for (const flag of [
      '--data',
      '--with-lab',
      '--prometheus-port',
      '--alertmanager-port',
      '--grafana-port',
      '--exporter-port',
    ])
      expect(help).toContain(flag);
  });

  it.each([
    [['--prot=1'], /unknown option '--prot=1'.*--help/],
    [['--grafana-port=0'], /--grafana-port.*'0' is invalid. Expected a port from 1 to 65535/],
    [['--grafana-port=12345678'], /--grafana-port.*Expected a port/],
    [['--grafana-port=9090'], /^--grafana-port: 9090 is --prometheus-port already$/],
    [['folder'], /^unexpected "folder": flags of the exporter follow a --/],
    [['--with-lab', '--', '--source=ss'], /^--source=ss: the exporter takes no flags of yours with --with-lab$/],
    [['--', '--web.listen-address=:1'], /^--web\..*choose the port with --exporter-port$/],
  ])('refuse %j in one line', (args, words) => {
    expect(() => parse(...args)).toThrow(expect.objectContaining({ status: 2, message: expect.stringMatching(words) }));
    expect(() => parse(...args)).not.toThrow(/\n/);
  });
});
