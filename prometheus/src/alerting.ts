// `npm run alerting`: writes Alertmanager's configuration with the receivers of prometheus/secrets/receivers.yml in it.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asExporterError } from '../../exporter/src/errors.ts';
import { writeAlerting } from './write.ts';

const SECRETS = fileURLToPath(new URL('../secrets', import.meta.url));

try {
  // The file that is written can be read by all, so the folder must be closed to them.
  chmodSync(SECRETS, 0o700);
  console.log(await writeAlerting(join(SECRETS, 'receivers.yml'), join(SECRETS, 'alertmanager.yml')));
  console.log('What to start Alertmanager with, and how to send a test alert: docs/alerting.md');
} catch (caught) {
  console.error(asExporterError(caught).line);
  process.exitCode = 2;
}
