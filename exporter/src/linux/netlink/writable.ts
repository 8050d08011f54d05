/** A record while its decoder fills it in: fields that the kernel lacks must stay out of it, not become undefined. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };
