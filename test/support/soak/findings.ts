import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the judgement saw so long before and after a contradiction is kept with it. */
const BEFORE_SECONDS = 30;
const AFTER_SECONDS = 10;

/**
 * What a long run found, in a directory to be read later: `findings.log` has every line that the run told, `looks.jsonl` what
 * each look gave the health judgement (test/support/looks.mjs), `contradiction-N.jsonl` the looks around each contradiction.
 */
export class Findings {
  readonly #directory: string | undefined;
  #contradictions = 0;

  /** `directory` is made; without one nothing is written. */
  constructor(directory: string | undefined) {
    this.#directory = directory;
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true });
    for (const file of [this.#file('findings.log'), this.#file('looks.jsonl')]) writeFileSync(file, '');
  }

  /** The environment with which the exporter writes its looks here, with `others` that are wanted besides. */
  environment(others: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    if (this.#directory === undefined) return others;
    const preload = `--import=${new URL('../looks.mjs', import.meta.url).href}`;
    return {
      ...others,
      NODE_OPTIONS: [others.NODE_OPTIONS, preload].filter((one) => one !== undefined).join(' '),
      MPTCP_TEST_LOOKS: this.#file('looks.jsonl'),
    };
  }

  /** Writes a line. */
  tell(text: string): void {
    if (this.#directory !== undefined) appendFileSync(this.#file('findings.log'), `${text}\n`);
  }

  /** Keeps the looks around a contradiction, given in seconds of this process's monotonic clock; gives the file's name. */
  contradiction(from: number, to: number): string | undefined {
    const looks = this.#file('looks.jsonl');
    if (this.#directory === undefined || !existsSync(looks)) return undefined;
    this.#contradictions++;
    const [least, most] = [unixOf(from - BEFORE_SECONDS), unixOf(to + AFTER_SECONDS)];
    const around = readFileSync(looks, 'utf8')
      .split('\n')
      .filter((line) => {
        const at = Number(/^\{"at":([\d.]+)/.exec(line)?.[1]);
        return at >= least && at <= most;
      });
    const name = `contradiction-${this.#contradictions}.jsonl`;
    writeFileSync(this.#file(name), `${around.join('\n')}\n`);
    return name;
  }

  #file(name: string): string {
    return join(this.#directory ?? '', name);
  }
}

const unixOf = (monotonicSeconds: number): number => performance.timeOrigin / 1000 + monotonicSeconds;
