import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';
import type { Receivers } from './receivers.ts';

/** Name of the receiver that tells nobody. */
const NOBODY = 'null';

/** Receivers of the written configuration. */
const PEOPLE = 'people';
const HEARTBEAT = 'heartbeat';

const STATE = '{{ if eq .Status "firing" }}🔥{{ else }}✅{{ end }}';

/** HTML of Telegram's kind; Alertmanager escapes what it puts in. */
const TELEGRAM_MESSAGE = `{{ range .Alerts }}${STATE} <b>{{ .Annotations.summary }}</b>
{{ .Annotations.description }}
{{ .Annotations.runbook_url }}
{{ end }}`;

const EMAIL_SUBJECT =
  '[{{ .Status | toUpper }}] {{ (index .Alerts 0).Annotations.summary }}' +
  '{{ if gt (len .Alerts) 1 }} and more ({{ len .Alerts }}){{ end }}';

const bearer = (token: string | undefined) =>
  token === undefined ? {} : { http_config: { authorization: { credentials: token } } };

/** The receiver that tells people, in Alertmanager's words; undefined when there are none to tell. */
function people({ email, webhook, ntfy, telegram }: Receivers): Record<string, unknown> | undefined {
  const webhooks = [
    ...(webhook === undefined ? [] : [{ url: webhook.url, ...bearer(webhook.token) }]),
    // ntfy makes the message from Alertmanager's JSON by a template of its own (docs.ntfy.sh/publish, message templating).
    ...(ntfy === undefined ? [] : [{ url: `${ntfy.url}?template=alertmanager`, ...bearer(ntfy.token) }]),
  ];
  const receiver = {
    ...(email !== undefined && {
      email_configs: [
        {
          to: email.to,
          from: email.from,
          smarthost: email.smarthost,
          require_tls: email.require_tls,
          ...(email.username !== undefined && { auth_username: email.username }),
          ...(email.password !== undefined && { auth_password: email.password }),
          headers: { Subject: EMAIL_SUBJECT },
          send_resolved: true,
        },
      ],
    }),
    ...(webhooks.length > 0 && { webhook_configs: webhooks }),
    ...(telegram !== undefined && {
      telegram_configs: [{ ...telegram, parse_mode: 'HTML', message: TELEGRAM_MESSAGE }],
    }),
  };
  return Object.keys(receiver).length === 0 ? undefined : { name: PEOPLE, ...receiver };
}

/** How many ways there are to tell somebody, the heartbeat not counted. */
export const waysToTell = ({ email, webhook, ntfy, telegram }: Receivers): number =>
  [email, webhook, ntfy, telegram].filter((way) => way !== undefined).length;

/**
 * The shipped Alertmanager configuration with these receivers in place of its `null`; its comments stay. Throws when the
 * shipped text has no routes and receivers where they are expected.
 */
export function withReceivers(shipped: string, receivers: Receivers): string {
  const document = parseDocument(shipped);
  const list = document.get('receivers');
  if (!isSeq(list)) throw new Error('the shipped configuration has no list of receivers');
  const told = people(receivers);
  if (told !== undefined) {
    list.add(document.createNode(told));
    document.setIn(['route', 'receiver'], PEOPLE);
  }
  if (receivers.heartbeat !== undefined) {
    list.add(
      document.createNode({
        name: HEARTBEAT,
        webhook_configs: [{ url: receivers.heartbeat.url, send_resolved: false }],
      }),
    );
    watchdogRoute(document).set('receiver', HEARTBEAT);
  }
  return document.toString({ lineWidth: 0 });
}

/** The one sub-route that tells nobody as shipped: the Watchdog's. */
function watchdogRoute(document: Document): YAMLMap {
  const routes = document.getIn(['route', 'routes']);
  const found = isSeq(routes) ? routes.items.find((one) => isMap(one) && one.get('receiver') === NOBODY) : undefined;
  if (!isMap(found)) throw new Error('the shipped configuration has no route of the Watchdog');
  return found;
}
