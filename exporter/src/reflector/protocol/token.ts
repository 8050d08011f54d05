import { readTextFile } from '../../config/text-file.ts';
import { oneLine } from '../../config/words.ts';
import { ExporterError } from '../../errors.ts';

/** Short ones can be guessed from one overheard request. */
const LEAST_CHARACTERS = 16;

/**
 * The token that both ends of a reflector share: the one line of a file. Throws `invalid_configuration` when the file cannot
 * be read or holds no such line.
 */
export async function readToken(file: string): Promise<string> {
  const token = (await readTextFile(file)).trim();
  if (token.length >= LEAST_CHARACTERS && /^[\x21-\x7e]+$/.test(token)) return token;
  const words = `${oneLine(file)}: expected one line of at least ${LEAST_CHARACTERS} characters without spaces`;
  throw new ExporterError('invalid_configuration', words, { remedy: 'Make one with: openssl rand -hex 32' });
}
