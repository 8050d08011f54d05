/** The path that must stay up. */
export const HEALTHY = 'eth0';

/** The path that faults befall. */
export const FAULTY = 'wlan0';

/** Now, in seconds of this process's monotonic clock, as faults and watched states have it. */
export const seconds = (): number => performance.now() / 1000;
