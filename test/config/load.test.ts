import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../exporter/src/config/load.ts';
import { DEFAULT_BUDGET } from '../../exporter/src/config/probes/settings.ts';
import { asExporterError, ExporterError } from '../../exporter/src/errors.ts';
import { DEFAULT_HEALTH_SETTINGS } from '../../exporter/src/mptcp/health/settings.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'configuration-'));
  file = join(folder, 'config.yml');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string | Buffer) {
  writeFileSync(file, text);
  return loadConfiguration(file);
}

/** The one line that a user sees, with the file's name cut to its last part. */
async function complaint(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(ExporterError);
  const { code, line } = asExporterError(error);
  expect(code).toBe('invalid_configuration');
  expect(line).not.toMatch(/[\n\r]/);
  expect(line.length).toBeLessThan(500);
  return line.replaceAll(`${folder}/`, '');
}

describe('a good configuration', () => {
  it('is the defaults when there is no file, or nothing in it', async () => {
    const defaults = { paths: [], health: DEFAULT_HEALTH_SETTINGS, probes: [], probeBudget: DEFAULT_BUDGET };
    expect(await loadConfiguration(undefined)).toEqual(defaults);
    for (const text of ['', '\n# nothing\n', '---\n', '\ufeff', '{}', 'paths: []', 'health: {}']) {
      expect(await load(text)).toEqual(defaults);
    }
  });

  it('gives the paths in their order, addresses as networks, and nothing that was not said', async () => {
    const text = `
paths:
  - name: Büro fibre/1
    interface: eth0.100
    access: ethernet
    metered: false
  - {name: phone, local: 192.168.42.7, remote: "2001:db8::/32", metered: true}
`;
    expect(await load(text)).toMatchObject({
      paths: [
        { name: 'Büro fibre/1', interface: 'eth0.100', access: 'ethernet', metered: false },
        { name: 'phone', local: '192.168.42.7/32', remote: '2001:db8::/32', metered: true },
      ],
    });
  });

  it('may repeat itself by a few anchors', async () => {
    const { paths } = await load('paths:\n- {name: a, local: &home 192.0.2.1}\n- {name: b, remote: *home}\n');
    expect(paths[1]).toEqual({ name: 'b', remote: '192.0.2.1/32' });
  });

  it('is what the example shows', async () => {
    const { paths, health, probes, probeBudget } = await loadConfiguration('exporter/config.example.yml');
    expect(paths.map(({ name }) => name)).toEqual(['fibre', 'phone', 'office tunnel']);
    expect(health).toEqual(DEFAULT_HEALTH_SETTINGS);
    expect(probes.map(({ type }) => type)).toEqual(['icmp', 'tcp', 'udp', 'throughput']);
    expect(probeBudget).toEqual({
      paths: new Map([['phone', { dayBytes: 20e6, monthBytes: 300e6 }]]),
      stateFile: DEFAULT_BUDGET.stateFile,
    });
  });
});

describe('a wrong key or value is named with file, line, key and what was expected', () => {
  const path = 'paths:\n  - name: a\n    interface: eth0\n  - name: b\n';
  it.each([
    [
      'pahts: []',
      'config.yml:1: pahts: unknown key, expected one of paths, health, probes, probe_budget (did you mean paths?)',
    ],
    [
      `${path}    interfce: eth1\n    local: 10.0.0.1\n`,
      'config.yml:5: paths[1].interfce: unknown key, expected one of name, interface, local, remote, access, metered (did you mean interface?)',
    ],
    ['- a', 'config.yml:1: expected a mapping of keys to values, got a list'],
    ['hello', 'config.yml:1: expected a mapping of keys to values, got the text hello'],
    ['\n\npaths: 5', 'config.yml:3: paths: expected a list, got 5'],
    ['paths:\n', 'config.yml:1: paths: expected a list, got nothing'],
    ['paths:\n  - eth0', 'config.yml:2: paths[0]: expected a mapping of keys to values, got the text eth0'],
    ['paths:\n  - interface: eth0', 'config.yml:2: paths[0].name: missing, expected a text'],
    ['paths:\n  - name: 5\n    interface: a', 'config.yml:2: paths[0].name: expected a text, got 5; put it in quotes'],
    [
      `${path}    interface: eth1\n    metered: yes\n`,
      'config.yml:6: paths[1].metered: expected true or false, got the text yes',
    ],
    [
      `${path}    local: 10.0.0.0/33\n`,
      'config.yml:5: paths[1].local: expected an address or network such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/64, got 10.0.0.0/33',
    ],
    [
      `${path}    remote: [10.0.0.0/8, fd00]\n`,
      'config.yml:5: paths[1].remote[1]: expected an address or network such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/64, got fd00',
    ],
    [`${path}    remote: []\n`, 'config.yml:5: paths[1].remote: expected 1 to 64 networks, got 0'],
    [
      path,
      'config.yml:4: paths[1]: expected at least one of interface, local, remote, to tell which subflows belong to the path',
    ],
    [
      'paths:\n- {name: a, interface: x}\n- name: a\n  interface: y\n',
      'config.yml:3: paths[1].name: expected a name of its own, a is also the name of paths[0]',
    ],
    [
      'paths:\n- {name: mptcp, interface: x}',
      'config.yml:2: paths[0].name: expected another name than mptcp: it stands for all paths together',
    ],
    [
      'paths:\n- {name: Unknown, interface: x}',
      'config.yml:2: paths[0].name: expected another name than Unknown: it stands for subflows without a path',
    ],
    [
      'paths:\n- name: a\n  interface: averylonginterface',
      'config.yml:3: paths[0].interface: expected the name of a network interface such as eth0, got averylonginterface',
    ],
    [
      'paths:\n- {name: a, interface: x, colour: 1}\n- {name: 7, interface: x}',
      'config.yml:2: paths[0].colour: unknown key, expected one of name, interface, local, remote, access, metered (and 1 more to mend)',
    ],
  ])('%j', async (text, expected) => {
    expect(await complaint(load(text))).toBe(expected);
  });

  it.each(['', 'a"b', 'a\\b', ' a', 'a ', '-a', 'a\tb', 'a\u202eb', 'x'.repeat(65)])(
    'refuses %j as a name',
    async (name) => {
      const line = await complaint(load(`paths: [{name: ${JSON.stringify(name)}, interface: eth0}]`));
      expect(line).toContain('config.yml:1: paths[0].name: expected 1 to 64 letters, digits, spaces and');
    },
  );

  it('takes names of 1 and of 64 characters, counted as people count', async () => {
    for (const name of ['a', '𝒳'.repeat(64)]) {
      expect((await load(`paths: [{name: ${name}, interface: eth0}]`)).paths[0]?.name).toBe(name);
    }
  });

  it('is not fooled by keys that objects have anyway', async () => {
    expect(await complaint(load('__proto__: {paths: []}'))).toContain('config.yml:1: __proto__: unknown key');
    expect(await complaint(load('constructor: 1'))).toContain('config.yml:1: constructor: unknown key');
  });
});

describe('what is not YAML, or abuses it, is refused with its line', () => {
  it.each([
    ['paths: [\n', /^config\.yml:2: expected YAML: /],
    ['a: b\n\tc: d', /^config\.yml:2: expected YAML: /],
    ['paths: []\npaths: []\n', /^config\.yml:2: paths: given twice, expected each key once$/],
    ['paths:\n- name: a\n  interface: b\n  name: c', /^config\.yml:4: name: given twice/],
    ['? [a]\n: b', /^config\.yml:1: expected YAML: .*keys must be strings/],
    ['a: 1\n---\nb: 2\n', /^config\.yml:2: expected YAML: .*multiple documents/],
    ['paths: !secret x', /^config\.yml:1: expected YAML: Unresolved tag/],
    ['\npaths: *nothing', /^config\.yml:2: expected YAML without tricks: Unresolved alias/],
  ])('%j', async (text, expected) => {
    expect(await complaint(load(text))).toMatch(expected);
  });

  it('an alias bomb', async () => {
    const line = (name: string, inner: string) => `${name}: &${name} [${Array(9).fill(inner).join(',')}]\n`;
    const bomb = [...'bcdefghi'].reduce(
      (text, name, index) => text + line(name, `*${'abcdefgh'[index]}`),
      line('a', 'x'),
    );
    expect(await complaint(load(bomb))).toMatch(
      /^config\.yml:\d+: expected YAML without tricks: Excessive alias count/,
    );
  });

  it.each(['[', '{a: ', '- ', '? '])('half a million levels of %j, which would end the parser', async (opening) => {
    expect(await complaint(load(opening.repeat(250_000)))).toBe('config.yml:1: expected at most 64 levels of nesting');
  });

  it('a hundred thousand keys, within seconds', async () => {
    const text = Array.from({ length: 90_000 }, (_, index) => `k${index}: 1\n`).join('');
    expect(await complaint(load(text))).toContain('config.yml:1: k0: unknown key');
  }, 20_000);

  it('bytes that are not UTF-8', async () => {
    expect(await complaint(load(Buffer.from([0x61, 0xff])))).toBe(
      'config.yml: expected UTF-8 text, has bytes that are not',
    );
  });

  it('a file larger than 1 MiB, which is not read to its end', async () => {
    expect(await complaint(load('#'.repeat(1024 * 1024 + 1)))).toBe(
      'config.yml: expected at most 1048576 bytes, is larger',
    );
  });
});

describe('a file that cannot be read is named with the reason', () => {
  it('absent', async () => {
    expect(await complaint(loadConfiguration(join(folder, 'none.yml')))).toBe(
      'none.yml: cannot be read: no such file or directory (ENOENT)',
    );
  });

  it('a directory', async () => {
    mkdirSync(join(folder, 'd'));
    expect(await complaint(loadConfiguration(join(folder, 'd')))).toBe('d: expected a file, is a directory');
  });

  it('a named pipe without a writer, at once', async () => {
    expect(spawnSync('mkfifo', [join(folder, 'pipe')]).status).toBe(0);
    expect(await complaint(loadConfiguration(join(folder, 'pipe')))).toBe('pipe: expected a regular file');
  });

  it('a link to itself', async () => {
    symlinkSync('loop', join(folder, 'loop'));
    expect(await complaint(loadConfiguration(join(folder, 'loop')))).toContain('(ELOOP)');
  });

  it('forbidden', async () => {
    writeFileSync(join(folder, 'secret'), '', { mode: 0 });
    const user = process.geteuid?.();
    if (user === 0) process.seteuid?.(65_534); // root may read everything
    const line = complaint(loadConfiguration(join(folder, 'secret')));
    const result = await line.finally(() => {
      if (user === 0) process.seteuid?.(0);
    });
    expect(result).toContain('cannot be read: permission denied (EACCES)');
  });

  it('a name that would break the line', async () => {
    expect(await complaint(loadConfiguration('/none/a\nb'))).toContain('/none/a\\u{a}b: cannot be read');
  });
});

describe('any text', () => {
  it('is a configuration or one line of complaint', async () => {
    const pieces = fc.constantFrom(
      'paths:',
      '\n',
      '  ',
      '- ',
      'name: ',
      'a',
      '&x ',
      '*x',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      '|',
      '#',
      '!t ',
      '\t',
      '🚀',
      '5',
      'interface: ',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(pieces, { maxLength: 30 }).map((all) => all.join('')),
          fc.string(),
        ),
        async (text) => {
          const outcome = load(text);
          await outcome.then(
            ({ paths }) => expect(Array.isArray(paths)).toBe(true),
            () => complaint(outcome),
          );
        },
      ),
      { numRuns: 500 },
    );
  });
});
