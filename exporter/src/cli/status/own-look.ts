import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_PROCFS, DEFAULT_SAMPLE_INTERVAL_MS, DEFAULT_SUBFLOW_LIMIT } from '../../config/defaults.ts';
import { ErrorTally } from '../../error-tally.ts';
import { kernelRelease } from '../../linux/proc/kernel.ts';
import { COLLECTORS } from '../../metrics/collectors/index.ts';
import { type BuildInfo, MetricsRegistry } from '../../metrics/registry.ts';
import { PARTS } from '../../mptcp/model.ts';
import { Observer } from '../../observer.ts';
import { openSource } from '../../source/choose.ts';

/** An exporter without HTTP: looks at the kernel itself, and sends nothing. */
export interface OwnLook {
  /** The exposition of this moment. */
  read(): Promise<string>;
  close(): Promise<void>;
}

/** Begins to look; what is given after that has rates already, which take two looks. */
export async function openOwnLook(build: BuildInfo): Promise<OwnLook> {
  const { source } = await openSource({ source: 'auto', procfs: DEFAULT_PROCFS });
  const observer = new Observer({
    source,
    kernelRelease: await kernelRelease(DEFAULT_PROCFS).catch(() => undefined),
    rules: [],
    sampleIntervalMs: DEFAULT_SAMPLE_INTERVAL_MS,
    subflowLimit: DEFAULT_SUBFLOW_LIMIT,
    parts: new Set(PARTS),
    errors: new ErrorTally(),
  });
  const registry = new MetricsRegistry({ collectors: COLLECTORS, build, onError: () => undefined });
  await observer.start();
  await sleep(DEFAULT_SAMPLE_INTERVAL_MS);
  return {
    read: async () => (await registry.render(await observer.look())).body,
    close: async () => {
      await observer.stop();
      source.close();
    },
  };
}
