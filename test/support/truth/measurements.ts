import { median } from '../../../exporter/src/mptcp/health/recent-normal.ts';

/** How often each case is run: once, or `MPTCP_TEST_RUNS` times for figures to publish. */
export const RUNS = Number(process.env.MPTCP_TEST_RUNS ?? 1);

/** Does it as often as each case is run. */
export async function repeatedly(work: () => Promise<void>): Promise<void> {
  for (let run = 0; run < RUNS; run++) await work();
}

/** One run of a case at one end: seconds from the fault to its being told, and from its end to the path being up. */
export interface Measurement {
  readonly fault: string;
  /** Which end looked, and what it was doing. */
  readonly end: string;
  /** State and reason, or whatever else was told. */
  readonly told: string;
  /** Absent where there was nothing to tell. */
  readonly toldAfterSeconds?: number;
  /** Absent where nothing had to come back. */
  readonly backAfterSeconds?: number;
}

/** The measured times of a test file, for the documentation. */
export class Measurements {
  readonly #rows = new Map<string, Measurement[]>();

  /** Whether there are any. */
  get taken(): boolean {
    return this.#rows.size > 0;
  }

  /** Takes one run. */
  add(measurement: Measurement): void {
    const { fault, end, told } = measurement;
    const key = `| ${fault} | ${end} | ${told} |`;
    this.#rows.set(key, [...(this.#rows.get(key) ?? []), measurement]);
  }

  /** A Markdown table of the median and the worst of each case, in seconds. */
  table(): string {
    const rows = [...this.#rows].map(([key, runs]) => {
      const told = runs.map(({ toldAfterSeconds }) => toldAfterSeconds).filter((one) => one !== undefined);
      const back = runs.map(({ backAfterSeconds }) => backAfterSeconds).filter((one) => one !== undefined);
      return `${key} ${medianAndWorst(told)} | ${medianAndWorst(back)} | ${runs.length} |`;
    });
    const head = '| fault | end | state and reason | told after | back after | runs |';
    return [head, '|---|---|---|---|---|---|', ...rows].join('\n');
  }
}

function medianAndWorst(seconds: readonly number[]): string {
  if (seconds.length === 0) return '';
  return `${median(seconds).toFixed(2)} / ${Math.max(...seconds).toFixed(2)}`;
}
