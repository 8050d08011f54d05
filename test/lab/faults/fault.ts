import { existsSync } from 'node:fs';
import type { Lab } from '../lab.ts';
import { labDirectory } from '../registry.ts';

/** A fault that is in effect on a running lab. */
export interface AppliedFault {
  readonly name: string;
  /** Undefined when it concerns the whole lab. */
  readonly link: string | undefined;
  /** When it had taken effect, in seconds of this process's monotonic clock (`performance.now() / 1000`). */
  readonly appliedAt: number;
  /** What it did in particular, such as the new address, in words for a person. */
  readonly detail: string | undefined;
  /** Whether anything remains to be put back. */
  readonly lasts: boolean;
  /** Puts everything back as it was; again, or after the lab was closed, is harmless. */
  end(): Promise<void>;
}

/** What an applied fault is made of; `undo` is called once, and not when the lab is gone. */
export interface Applied {
  readonly name: string;
  readonly link?: string;
  readonly detail?: string;
  readonly undo?: () => Promise<void>;
}

/** To be called when the fault has taken effect. */
export function applied(lab: Lab, { name, link, detail, undo }: Applied): AppliedFault {
  let ended: Promise<void> | undefined;
  const end = async () => {
    if (existsSync(labDirectory(lab.id))) await undo?.();
  };
  return {
    name,
    link,
    detail,
    lasts: undo !== undefined,
    appliedAt: performance.now() / 1000,
    end: () => {
      ended ??= end();
      return ended;
    },
  };
}
