// `npm run alerting`: writes Alertmanager's configuration with the receivers of prometheus/secrets/receivers.yml in it.
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asExporterError } from '../../exporter/src/errors.ts';
import { writeAlerting } from './write.ts';

const place = (path: string) => fileURLToPath(new URL(`../secrets/${path}`, import.meta.url));
const RECEIVERS = place('receivers.yml');
const WRITTEN = place('alerting/');

try {
  if (existsSync(RECEIVERS)) chmodSync(RECEIVERS, 0o600);
  // A container's user must be able to read what is written, and nobody else on this machine: so its folder is closed.
  mkdirSync(WRITTEN, { recursive: true, mode: 0o700 });
  console.log(await writeAlerting(RECEIVERS, `${WRITTEN}alertmanager.yml`));
  console.log('How Alertmanager gets it, and how to send a test alert: docs/alerting.md');
} catch (caught) {
  console.error(asExporterError(caught).line);
  process.exitCode = 2;
}
