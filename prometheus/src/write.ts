import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadYamlFile } from '../../exporter/src/config/load.ts';
import { ExporterError } from '../../exporter/src/errors.ts';
import { waysToTell, withReceivers } from './alertmanager.ts';
import { receiversSchema } from './receivers.ts';

const SHIPPED = new URL('../alertmanager.yml', import.meta.url);
const EXAMPLE = fileURLToPath(new URL('../receivers.example.yml', import.meta.url));
const NOTICE = '# Written by npm run alerting from receivers.yml, which is the file to edit.\n';

const here = (file: string) => relative(process.cwd(), file);

/**
 * Writes Alertmanager's shipped configuration with the receivers that a file names, and gives a line for the user. Throws
 * ExporterError when there is no such file, or when it does not fit, with the place in it and what was expected.
 */
export async function writeAlerting(receiversFile: string, written: string): Promise<string> {
  if (!existsSync(receiversFile)) {
    const remedy = `Copy ${here(EXAMPLE)} to it and fill it in`;
    throw new ExporterError('invalid_configuration', `${here(receiversFile)} is not there`, { remedy });
  }
  const { value } = await loadYamlFile(receiversFile, receiversSchema);
  // Never replaced by another file: a container has this very one mounted, and its user must be able to read it.
  writeFileSync(written, NOTICE + withReceivers(readFileSync(SHIPPED, 'utf8'), value), { mode: 0o644 });
  const ways = waysToTell(value);
  return `${here(written)}: ${ways === 0 ? 'nobody is told' : `${ways} ${ways === 1 ? 'way' : 'ways'} to tell`}`;
}
