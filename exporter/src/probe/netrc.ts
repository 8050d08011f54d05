import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTextFile } from '../config/text-file.ts';
import { oneLine } from '../config/words.ts';
import { ExporterError } from '../errors.ts';

/**
 * A file with the login for curl, in a folder of its own that nobody else can read, from a file that holds `user:password` on
 * its first line: command lines can be read by everybody. The folder is to be removed. Undefined without a login; throws
 * `invalid_configuration`.
 */
export async function netrcOf(
  loginFile: string | undefined,
): Promise<{ readonly folder: string; readonly file: string } | undefined> {
  if (loginFile === undefined) return undefined;
  const [line = ''] = (await readTextFile(loginFile)).split('\n', 1);
  // curl before 7.84 knows no quotes in such a file, and later ones take these characters as they are without.
  const [, user, password] = /^([^:\s"\\#]+):([^\s"\\#]+)$/.exec(line.trim()) ?? [];
  if (user === undefined || password === undefined) {
    const words = `${oneLine(loginFile)}: expected user:password on the first line, without spaces, quotes, \\ and #`;
    throw new ExporterError('invalid_configuration', words);
  }
  const folder = await mkdtemp(join(tmpdir(), 'mptcp-exporter-'));
  const file = join(folder, 'netrc');
  await writeFile(file, `default login ${user} password ${password}\n`, { mode: 0o600 });
  return { folder, file };
}
