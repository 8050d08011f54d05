import type { DurationBounds } from './duration.ts';
import type { ListenAddress } from './listen-address.ts';

/** Loopback, so that nothing is shown to a network unless somebody asks for it. */
export const DEFAULT_LISTEN_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 10_262 };

/** Where a reflector shows its metrics; what it reflects is elsewhere. */
export const DEFAULT_REFLECTOR_WEB_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 10_264 };

/** Most `--web.listen-address` flags. */
export const MAXIMUM_LISTEN_ADDRESSES = 16;

/** How often the kernel is read between scrapes, in milliseconds. */
export const DEFAULT_SAMPLE_INTERVAL_MS = 1000;

/** What `--sample.interval` accepts. */
export const SAMPLE_INTERVAL_BOUNDS: DurationBounds = { minimumMs: 100, maximumMs: 3_600_000 };

/** Subflows that have series of their own. */
export const DEFAULT_SUBFLOW_LIMIT = 200;

/** Most subflows that may have series of their own. */
export const MAXIMUM_SUBFLOW_LIMIT = 100_000;

/** Where the proc file system is mounted. */
export const DEFAULT_PROCFS = '/proc';
