import { PATH_STATES, type PathState } from '../../../exporter/src/mptcp/health/states.ts';
import type { FaultName } from '../../lab/faults/faults.ts';
import type { FaultEntry, LabRecord, Lateness, Load } from './record.ts';

/** States that a path may have from one moment to another. */
export interface Expectation {
  readonly from: number;
  readonly to: number;
  readonly states: readonly PathState[];
  /** The path must be in one of these, or of other expectations of the moment; else they come on top of what is usual. */
  readonly only: boolean;
  readonly why: string;
}

/** How a fault must show on its path. */
interface Course {
  /** In one of these states after so long, as long as the fault lasts. */
  readonly states: readonly PathState[];
  readonly withinSeconds: number;
  /** Or else in its usual state, because nothing need notice it. */
  readonly must: boolean;
  /** States on the way there. */
  readonly passing?: readonly PathState[];
  /** In its usual state so long after the end. */
  readonly backSeconds: number;
}

/** From the log line to this process. */
const SLACK_SECONDS = 0.25;

/** The whole machine was held up: what came late may look like a fault for so long. */
const LATE_SECONDS = 0.5;
const LATE_ECHO_SECONDS = 5;

/** Joins come after the first data; a path in use counts as used for so long. */
const OPENING_SECONDS = 5;

/** A subflow that closes before its connection is lost until the connection is gone too. */
const CLOSING_SECONDS = 3;

const BACK_SECONDS = 5;
/** Short connections that began while joins failed have ended after so long. */
const OUTLIVED_SECONDS = 10;
/** Loss is weighed over 8 s, and it and the round trip must be usual again for 5 s. */
const QUALITY_BACK_SECONDS = 20;

const INTERFACE: Course = { states: ['down'], withinSeconds: 0.5, must: true, backSeconds: BACK_SECONDS };
const MAY_LACK_JOINS: Course = {
  states: ['missing', 'degraded'],
  withinSeconds: 0,
  must: false,
  backSeconds: OUTLIVED_SECONDS,
};

const sends = (load: Load): boolean => load === 'upload' || load === 'both';
const demands = (load: Load): boolean => sends(load) || load === 'download';

/** A path that lets nothing through shows where data wants to go over it. */
function stall({ load, moving, alone, checkedLately }: FaultEntry): Course {
  const downloadSeconds = checkedLately ? 6.5 : 3;
  return {
    states: ['stalled'],
    withinSeconds: sends(load) ? 2 : downloadSeconds,
    must: demands(load) && moving && alone,
    passing: ['degraded'],
    backSeconds: BACK_SECONDS,
  };
}

/** What is sent again and how long round trips take is known to the end that sends. */
function quality({ load, moving, alone }: FaultEntry, more: readonly PathState[]): Course {
  return {
    states: ['degraded', ...more],
    withinSeconds: 15,
    must: sends(load) && moving && alone,
    backSeconds: QUALITY_BACK_SECONDS,
  };
}

/** How a fault must show on its own path; nothing for those that are not to be seen at all. */
const COURSES: Partial<Record<FaultName, (fault: FaultEntry) => Course>> = {
  'carrier-lost': () => INTERFACE,
  'cable-pulled': () => INTERFACE,
  'interface-removed': () => INTERFACE,
  blackhole: stall,
  'blackhole-up': stall,
  'blackhole-down': stall,
  // The kernel finds after a while that nobody answers for the other end's address, and gives the subflow up.
  'far-end-unplugged': (fault) => ({ ...stall(fault), states: ['stalled', 'missing'] }),
  loss: (fault) => quality(fault, ['stalled']),
  delay: (fault) => quality(fault, []),
  'rate-cut': (fault) => ({ ...quality(fault, []), must: false }),
  // How many of the connections lose their subflow is left to chance.
  'subflow-reset': () => ({ states: ['missing'], withinSeconds: 0, must: false, backSeconds: BACK_SECONDS }),
  'endpoint-deleted': () => ({ states: ['missing'], withinSeconds: 1, must: true, backSeconds: BACK_SECONDS }),
  // The kernel makes subflows from the new address by itself.
  'address-changed': () => ({
    states: [],
    withinSeconds: BACK_SECONDS,
    must: false,
    passing: PATH_STATES,
    backSeconds: BACK_SECONDS,
  }),
  'options-stripped': () => MAY_LACK_JOINS,
  'joins-dropped': () => MAY_LACK_JOINS,
  'limits-reached': () => MAY_LACK_JOINS,
  'multicast-overrun': () => ({ ...MAY_LACK_JOINS, states: PATH_STATES }),
};

/** What the record lets expect of one path, in no order. */
export function expectationsOf(record: LabRecord, link: string): readonly Expectation[] {
  const { traffic, faults, late } = record;
  return [
    ...traffic.flatMap(({ openedAt, endingAt }): Expectation[] => [
      { from: openedAt, to: openedAt + OPENING_SECONDS, states: ['unused'], only: false, why: 'traffic began' },
      { from: endingAt, to: endingAt + CLOSING_SECONDS, states: ['missing'], only: false, why: 'traffic ended' },
    ]),
    ...faults
      .filter((fault) => fault.link === undefined || fault.link === link)
      .flatMap((fault) => ofFault(fault, late)),
    ...late
      .filter(({ seconds }) => seconds >= LATE_SECONDS)
      .map(({ at, seconds }) => ({
        from: at - seconds,
        to: at + LATE_ECHO_SECONDS,
        states: PATH_STATES,
        only: false,
        why: 'the machine was held up',
      })),
  ];
}

/** What a path is without a fault: in use, or not. */
export function usualStates({ traffic }: LabRecord, at: number): readonly PathState[] {
  return traffic.some(({ openedAt, endingAt }) => at >= openedAt && at < endingAt) ? ['up'] : ['up', 'unused'];
}

function ofFault(fault: FaultEntry, late: readonly Lateness[]): Expectation[] {
  const course = COURSES[fault.name]?.(fault);
  if (course === undefined) return [];
  const { startedAt, appliedAt, endingAt, endedAt, name, load } = fault;
  const { states, withinSeconds, must, passing = [], backSeconds } = course;
  const why = `${name} during ${load}`;
  const settled = bound(appliedAt, withinSeconds, late);
  const back = bound(endedAt, backSeconds, late);
  return [
    { from: startedAt, to: Math.min(settled, endingAt), states: [...states, ...passing], only: false, why },
    { from: Math.min(settled, endingAt), to: endingAt, states, only: must, why },
    { from: endingAt, to: back, states: PATH_STATES, only: false, why: `end of ${why}` },
  ];
}

/** So long after that moment, and longer by what everything was late meanwhile. */
function bound(from: number, seconds: number, late: readonly Lateness[]): number {
  let to = from + seconds + SLACK_SECONDS;
  for (let index = firstSince(late, from); index < late.length; index++) {
    const { at, seconds: by } = late[index] ?? { at: to, seconds: 0 };
    if (at - by > to) break;
    to += by;
  }
  return to;
}

/** An hour on a busy machine has tens of thousands. */
function firstSince(late: readonly Lateness[], from: number): number {
  let [low, high] = [0, late.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((late[middle]?.at ?? from) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
