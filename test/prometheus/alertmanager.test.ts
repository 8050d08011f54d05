import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { withReceivers } from '../../prometheus/src/alertmanager.ts';
import { type Receivers, receiversSchema } from '../../prometheus/src/receivers.ts';
import { writeAlerting } from '../../prometheus/src/write.ts';
import { alertingRules } from '../support/rules.ts';

interface Route {
  readonly receiver?: string;
  readonly group_by?: readonly string[];
  readonly matchers?: readonly string[];
  readonly routes?: readonly Route[];
}
interface Configuration {
  readonly route: Route;
  readonly receivers: readonly ({ readonly name: string } & Record<string, unknown>)[];
  readonly inhibit_rules: readonly {
    readonly source_matchers: readonly string[];
    readonly target_matchers: readonly string[];
    readonly equal: readonly string[];
  }[];
}

const place = (path: string) => fileURLToPath(new URL(`../../prometheus/${path}`, import.meta.url));
const SHIPPED = readFileSync(place('alertmanager.yml'), 'utf8');
const EXAMPLE = receiversSchema.parse(parse(readFileSync(place('receivers.example.yml'), 'utf8')));
const able = spawnSync('amtool', ['--version']).status === 0;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mptcp-alerting-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Fails with amtool's words unless Alertmanager takes the text. */
function expectAccepted(text: string): void {
  const file = join(folder, 'checked.yml');
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync('amtool', ['check-config', file], { encoding: 'utf8' });
  expect(status, `${stdout}${stderr}`).toBe(0);
}

/** Which receiver, by amtool, an alert with these labels goes to. */
function routed(text: string, ...labels: string[]): string {
  const file = join(folder, 'routed.yml');
  writeFileSync(file, text);
  const args = ['config', 'routes', 'test', `--config.file=${file}`, ...labels];
  return spawnSync('amtool', args, { encoding: 'utf8' }).stdout.trim();
}

const shipped = parse(SHIPPED) as Configuration;
const withAll = withReceivers(SHIPPED, EXAMPLE);

describe('alertmanager.yml', () => {
  it.skipIf(!able)('is one that this Alertmanager takes, and tells nobody', () => {
    expectAccepted(SHIPPED);
    expect(shipped.receivers).toEqual([{ name: 'null' }]);
    for (const severity of ['critical', 'warning', 'info'])
      expect(routed(SHIPPED, 'alertname=MptcpPathDown', `severity=${severity}`)).toBe('null');
  });

  it('groups by site, machine and path', () => {
    expect(shipped.route.group_by).toEqual(['site', 'instance', 'path']);
  });

  it('names only alerts that there are', () => {
    const names = alertingRules.map(({ alert }) => alert);
    const matchers = shipped.inhibit_rules.flatMap((rule) => [...rule.source_matchers, ...rule.target_matchers]);
    for (const matcher of matchers) {
      const [, pattern = ''] = /^alertname !?=~? "?([^"]+)"?$/.exec(matcher) ?? [];
      for (const one of pattern.split('|'))
        expect(
          names.filter((name) => new RegExp(`^${one}$`).test(name)),
          matcher,
        ).not.toEqual([]);
    }
  });
});

const WAYS = Object.entries(EXAMPLE).map(([name, value]) => [name, { [name]: value } as Receivers] as const);

describe('the configuration with receivers', () => {
  it.skipIf(!able).each(WAYS)('%s alone is one that Alertmanager takes', (name, receivers) => {
    const text = withReceivers(SHIPPED, receivers);
    expectAccepted(text);
    const expected = name === 'heartbeat' ? 'null' : 'people';
    expect(routed(text, 'alertname=MptcpPathDown', 'severity=warning')).toBe(expected);
  });

  it.skipIf(!able)(
    'sends everything to people but the Watchdog, which goes to the heartbeat',
    () => {
      expectAccepted(withAll);
      for (const { alert, labels } of alertingRules) {
        const receiver = routed(withAll, `alertname=${alert}`, `severity=${labels.severity}`);
        expect(receiver, alert).toBe(alert === 'Watchdog' ? 'heartbeat' : 'people');
      }
    },
    60_000,
  );

  it('tells ends as well as beginnings, save to the heartbeat', () => {
    const { receivers } = parse(withAll) as Configuration;
    const kinds = (name: string) =>
      Object.entries(receivers.find((one) => one.name === name) ?? {}).flatMap(([key, list]) =>
        key === 'name' ? [] : (list as { send_resolved?: boolean }[]).map(({ send_resolved }) => [key, send_resolved]),
      );
    // Without the key it is true, save for e-mail.
    expect(kinds('people')).toEqual([
      ['email_configs', true],
      ['webhook_configs', undefined],
      ['webhook_configs', undefined],
      ['telegram_configs', undefined],
    ]);
    expect(kinds('heartbeat')).toEqual([['webhook_configs', false]]);
  });

  it('has ntfy make the message by its own template', () => {
    expect(withAll).toContain('url: https://ntfy.sh/a-topic-nobody-guesses?template=alertmanager');
  });

  it('keeps the rest of the shipped one, its comments too', () => {
    for (const [comment] of SHIPPED.matchAll(/# .*/g)) expect(withAll).toContain(comment);
    expect((parse(withAll) as Configuration).inhibit_rules).toEqual(shipped.inhibit_rules);
  });

  it('without receivers says the same as the shipped one', () => {
    expect(parse(withReceivers(SHIPPED, {}))).toEqual(shipped);
  });
});

describe('npm run alerting', () => {
  const read = () => join(folder, 'receivers.yml');
  const written = () => join(folder, 'written.yml');

  it('writes the file, readable to a container, and says how many are told', async () => {
    writeFileSync(read(), 'webhook: {url: "http://127.0.0.1:1/"}\n');
    expect(await writeAlerting(read(), written())).toMatch(/written\.yml: 1 way to tell$/);
    expect(readFileSync(written(), 'utf8')).toContain('url: http://127.0.0.1:1/');
    expect(statSync(written()).mode & 0o777).toBe(0o644);
  });

  it('says what to copy where there is no such file', async () => {
    await expect(writeAlerting(join(folder, 'none.yml'), written())).rejects.toMatchObject({
      message: expect.stringMatching(/none\.yml is not there$/),
      remedy: 'Copy prometheus/receivers.example.yml to it and fill it in',
    });
  });

  it.each([
    [
      'e-mail: {}',
      '1: e-mail: unknown key, expected one of email, webhook, ntfy, telegram, heartbeat (did you mean email?)',
    ],
    ['\nwebhook:\n  url: s3cret', '3: webhook.url: expected a URL that begins with http:// or https://'],
    ['ntfy:\n  url: https://ntfy.sh', '2: ntfy.url: expected the URL of a topic, such as https://ntfy.sh/my-topic'],
    [
      'telegram: {bot_token: s3cret, chat_id: 1}',
      '1: telegram.bot_token: expected a token of @BotFather, digits:letters',
    ],
    ['telegram: {bot_token: "1:a", chat_id: me}', '1: telegram.chat_id: expected a number, got the text me'],
    [
      'email: {to: a@b.org, from: a@b.org, smarthost: mail}',
      '1: email.smarthost: expected host:port, such as smtp.example.org:587',
    ],
    ['email: {to: a@b.org}', '1: email.from: missing, expected a text (and 1 more to mend)'],
  ])('of %j says in one line what is wrong, and no secret', async (content, line) => {
    writeFileSync(read(), `${content}\n`);
    await expect(writeAlerting(read(), written())).rejects.toMatchObject({
      code: 'invalid_configuration',
      message: `${read()}:${line}`,
    });
  });
});
