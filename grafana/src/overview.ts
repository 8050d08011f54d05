import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.ts';
import { UID } from './links.ts';
import { advice } from './overview/advice.ts';
import { answer } from './overview/answer.ts';
import { paths } from './overview/paths.ts';

/** The first dashboard: what an operator of one or a few machines wants to see without being told anything. */
export function overview(): Dashboard {
  return frame({
    uid: UID.overview,
    title: 'MPTCP / Overview',
    description:
      'Is the internet all right? Which paths work, since when, what each carries, what is wrong, and whether MPTCP helps.',
    rows: [answer, paths, advice],
  });
}
