import type { z } from 'zod';
import { ExporterError } from '../errors.ts';
import { explain, keyText } from './explain.ts';
import { type Configuration, configurationSchema } from './schema.ts';
import { readTextFile } from './text-file.ts';
import { oneLine } from './words.ts';
import { parseYaml } from './yaml.ts';

/** A YAML file that has been read and found to fit its schema. */
export interface YamlFile<T> {
  readonly value: T;
  /** An error in the same words as the loader's own, for what a schema cannot check: `FILE:LINE: key: message`. */
  problem(path: readonly PropertyKey[], message: string, cause?: unknown): ExporterError;
}

/**
 * Reads a YAML file by a schema; an empty file is an empty mapping. Throws ExporterError `invalid_configuration` whose
 * message is one line, `FILE:LINE: paths[1].interfce: unknown key, expected one of name, interface, …`.
 */
export async function loadYamlFile<T>(file: string, schema: z.ZodType<T>): Promise<YamlFile<T>> {
  const fail = (line: number, message: string, cause?: unknown) => {
    return new ExporterError('invalid_configuration', oneLine(`${file}:${line}: ${message}`), { cause });
  };
  const yaml = parseYaml(await readTextFile(file));
  if ('message' in yaml) throw fail(yaml.line, yaml.message);

  const input = yaml.value === undefined ? {} : yaml.value;
  const result = schema.safeParse(input);
  if (!result.success) {
    // A misspelt key is named before what its absence leads to, then in the order of the file.
    const problems = result.error.issues
      .map((issue) => ({ ...explain(issue, input), rank: issue.code === 'unrecognized_keys' ? 0 : 1 }))
      .map(({ path, message, rank }) => ({ rank, line: yaml.lineOf(path), message: `${keyText(path)}${message}` }))
      .sort((a, b) => a.rank - b.rank || a.line - b.line);
    const [first, ...others] = problems;
    const more = others.length === 0 ? '' : ` (and ${others.length} more to mend)`;
    throw fail(first?.line ?? 1, `${first?.message ?? 'does not fit'}${more}`);
  }
  return {
    value: result.data,
    problem: (path, message, cause) => fail(yaml.lineOf(path), `${keyText(path)}${message}`, cause),
  };
}

/** What `--config.file` says; the defaults without one. Throws as {@link loadYamlFile} does. */
export async function loadConfiguration(file: string | undefined): Promise<Configuration> {
  return file === undefined ? configurationSchema.parse({}) : (await loadYamlFile(file, configurationSchema)).value;
}
