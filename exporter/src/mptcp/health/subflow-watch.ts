import { subflowState } from '../activity.ts';
import { SUBFLOW_FLAG, type Subflow, type TcpInfo } from '../model.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import type { PathWatch } from './path-watch.ts';
import type { HealthSettings } from './settings.ts';
import type { SubflowHealthState } from './states.ts';

/** A subflow that got fewer bytes in one go was not receiving to speak of: about ten segments. */
const RECEIVING_BYTES = 16_384;

/** A pause longer than this begins a new run of receiving. */
const RUN_GAP_SECONDS = 5;

/** What was received longer ago than this, before the subflow was first seen, says nothing. */
const OLD_NEWS_SECONDS = 60;

/** Ages are read a little after the kernel worked them out, and a busy machine makes that more. */
export const CLOCK_SLACK_SECONDS = 0.5;

/** The moment of a look. */
export interface Moment {
  readonly now: number;
  /** Counts the looks. */
  readonly look: number;
  readonly settings: HealthSettings;
}

/** One open subflow over time. Times are by the monotonic clock, in seconds. */
export class SubflowWatch {
  subflow: Subflow;
  path: PathWatch;
  /** Its connection, when last seen. */
  owner: ConnectionWatch | undefined;
  state: SubflowHealthState = 'idle';
  look = 0;
  /** This end opened it, so that the other end's port is one that listens; `undefined`: not known. */
  openedHere: boolean | undefined;
  /** Established, which a join without its SYN-ACK is not. */
  open = false;
  wasOpen = false;
  /** Its local address has left every interface. */
  homeless = false;
  #housed = false;
  /** The stall for which what is on its way has been counted. */
  owedSince: number | undefined;
  /** What was on its way in the last stall has arrived when so many bytes are acknowledged. */
  #owedUntilBytes = 0;
  readonly firstSeen: number;
  /** Bytes arrived or were acknowledged since the last look. */
  progressed = false;
  acknowledged = false;
  /** Last sign of life from the other end. */
  lifeAt = Number.NEGATIVE_INFINITY;
  /** Start of the run of looks with progress that goes on. */
  movingSince: number | undefined;
  /** Last acknowledgement before the stall, or the sending of what waits for one. */
  stalledSince: number | undefined;
  /** How long without an acknowledgement makes a stall. */
  patienceSeconds = 1;
  /** The retransmission timeout without its doublings: within it arrives what was on its way. */
  timeoutSeconds = 0;
  /** When it will count as stalled or silent unless something arrives. */
  ripeAt: number | undefined;
  /** Last arrival of data before the silence. */
  silentSince: number | undefined;
  receivedBytes = 0;
  #acknowledgedBytes = 0;
  #outstandingSince: number | undefined;
  /** Last arrival of data. */
  #gainedAt: number | undefined;
  /** The look that showed it. */
  #gainedLook = -1;
  #runStartBytes = 0;
  /** What the connection had received elsewhere when this subflow last received. */
  #elsewhereBytes: number | undefined;
  #resting = false;

  constructor(subflow: Subflow, path: PathWatch, { now }: Moment) {
    const { tcp } = subflow.socket;
    this.subflow = subflow;
    this.openedHere = isOpenedHere(subflow);
    this.path = path;
    this.firstSeen = now;
    this.receivedBytes = tcp.receivedBytes ?? 0;
    this.#acknowledgedBytes = tcp.acknowledgedBytes ?? 0;
    this.#runStartBytes = this.receivedBytes;
    const age = tcp.lastDataReceivedSeconds ?? Number.POSITIVE_INFINITY;
    if (this.receivedBytes > 0 && age < OLD_NEWS_SECONDS) {
      this.#gainedAt = now - age;
      this.#runStartBytes = 0;
    }
    if (this.receivedBytes + this.#acknowledgedBytes > 0 && subflow.socket.state === 'established')
      this.lifeAt = now - lastHeardSeconds(tcp, Number.POSITIVE_INFINITY);
  }

  /** Received lately, within `seconds`. */
  receivedWithin(seconds: number, now: number): boolean {
    return this.#gainedAt !== undefined && now - this.#gainedAt <= seconds;
  }

  /** Bytes that were on their way in a stall, this one or the last, or are since it is closing, and are not acknowledged yet. */
  get owedBytes(): number {
    return Math.max(0, this.#owedUntilBytes - this.#acknowledgedBytes);
  }

  /** Takes the subflow's record of this look and judges what needs no other subflow. */
  observe(subflow: Subflow, moment: Moment): void {
    this.subflow = subflow;
    this.openedHere ??= isOpenedHere(subflow);
    const { state, tcp } = subflow.socket;
    const unacknowledged = tcp.unacknowledgedSegments ?? 0;
    const received = tcp.receivedBytes ?? 0;
    const acknowledgedBytes = tcp.acknowledgedBytes ?? 0;
    // A FIN counts as a byte, and may come from an end that hears nothing of this one any more.
    const gained = received > this.receivedBytes + (state === 'established' ? 0 : 1);
    this.acknowledged = acknowledgedBytes > this.#acknowledgedBytes;
    this.progressed = gained || this.acknowledged;
    this.ripeAt = undefined;
    this.open = state === 'established';
    this.wasOpen ||= this.open;
    if (this.#resting && unacknowledged === 0 && !this.progressed && this.open && isAtRest(subflow, this.state)) {
      this.movingSince = undefined;
      return;
    }
    if (gained) this.#gain(received, tcp, moment);
    this.receivedBytes = received;
    this.#acknowledgedBytes = acknowledgedBytes;
    this.#feelPulse(tcp, moment.now);
    this.#judgeStall(unacknowledged, tcp, moment);
    // One that is closing sends its last bytes again, too, in an outage and after it.
    if (this.stalledSince !== undefined || !this.open) this.#owedUntilBytes = sentOnce(subflow);
    if (this.stalledSince !== undefined) this.state = 'stalled';
    else this.state = state === 'syn_sent' ? 'idle' : subflowState(subflow);
    this.#resting = this.state === 'idle' || this.state === 'backup';
  }

  /**
   * Judges silence: `connectionBytes` is what all subflows of the connection have received, `othersReceive` whether another of
   * them received lately.
   */
  judgeSilence(connectionBytes: number, othersReceive: boolean, { now, look, settings }: Moment): void {
    const elsewhere = connectionBytes - this.receivedBytes;
    // A sum that shrank lost a subflow that closed.
    if (this.#gainedLook === look) this.silentSince = undefined;
    if (this.#gainedLook === look || this.#elsewhereBytes === undefined || elsewhere < this.#elsewhereBytes)
      this.#elsewhereBytes = elsewhere;
    const candidate =
      othersReceive &&
      this.open &&
      this.stalledSince === undefined &&
      this.#gainedAt !== undefined &&
      this.receivedBytes - this.#runStartBytes >= RECEIVING_BYTES;
    if (!candidate) {
      this.silentSince = undefined;
      return;
    }
    if (this.silentSince !== undefined) return;
    const { tcp } = this.subflow.socket;
    const age = lastHeardSeconds(tcp, now - (this.#gainedAt ?? now));
    const patience = Math.max(settings.silentSeconds, 4 * (tcp.rttSeconds ?? 0));
    if (age <= patience) this.ripen(now - age + patience);
    else if (elsewhere - this.#elsewhereBytes >= RECEIVING_BYTES) this.silentSince = now - age;
  }

  /** Whether an interface has its local address; one that never had is of a transparent proxy and tells nothing. */
  house(owned: boolean): void {
    this.#housed ||= owned;
    this.homeless = this.#housed && !owned;
  }

  /** Something will be known of it at that time. */
  ripen(at: number): void {
    this.ripeAt = this.ripeAt === undefined ? at : Math.min(this.ripeAt, at);
  }

  #gain(received: number, tcp: TcpInfo, { now, look }: Moment): void {
    // It may have arrived right after the look before: a silence that began then is as old.
    const at = Math.max(this.#gainedAt ?? Number.NEGATIVE_INFINITY, now - (tcp.lastDataReceivedSeconds ?? 0));
    if (this.#gainedAt === undefined || at - this.#gainedAt > RUN_GAP_SECONDS) this.#runStartBytes = this.receivedBytes;
    this.#runStartBytes = Math.min(this.#runStartBytes, received);
    this.#gainedAt = at;
    this.#gainedLook = look;
  }

  #feelPulse(tcp: TcpInfo, now: number): void {
    if (!this.progressed) {
      this.movingSince = undefined;
      return;
    }
    this.lifeAt = Math.max(this.lifeAt, now - lastHeardSeconds(tcp, 0));
    this.movingSince ??= this.lifeAt;
  }

  #judgeStall(unacknowledged: number, tcp: TcpInfo, { now, settings }: Moment): void {
    if (unacknowledged === 0 || !this.open) {
      this.#outstandingSince = undefined;
      this.stalledSince = undefined;
      return;
    }
    const backoff = tcp.backoff ?? 0;
    // Each doubling can be undone, which gives the timeout before the stall.
    const timeout = (tcp.retransmissionTimeoutSeconds ?? 0) / 2 ** backoff;
    const inBackoff = timeout * (2 ** backoff - 1);
    // The newest copy was sent after all timeouts so far: no shorter can data have been outstanding.
    const atLeast = inBackoff + (tcp.lastDataSentSeconds ?? 0);
    const unheard = tcp.lastAcknowledgementSeconds ?? Number.POSITIVE_INFINITY;
    const since = now - Math.min(atLeast, unheard);
    this.#outstandingSince =
      this.#outstandingSince === undefined || this.acknowledged ? since : Math.min(this.#outstandingSince, since);
    const age = Math.min(now - this.#outstandingSince, unheard);
    this.timeoutSeconds = timeout;
    this.patienceSeconds = Math.max(settings.stalledSeconds, 2 * timeout);
    // Acknowledgements of other data show that a segment lost three times is loss, not death; and what was tried before
    // something was heard tells nothing of the time since.
    const triedSince = (tcp.lastDataSentSeconds ?? 0) < unheard;
    if (age > this.patienceSeconds || (backoff >= 2 && triedSince && age > 2 * timeout)) {
      const start = now - age;
      if (this.stalledSince === undefined || start > this.stalledSince + CLOCK_SLACK_SECONDS) this.stalledSince = start;
    } else {
      this.stalledSince = undefined;
      this.ripen(now - age + this.patienceSeconds);
    }
  }
}

function isOpenedHere({ socket: { flags } }: Subflow): boolean | undefined {
  return flags === undefined ? undefined : (flags & (SUBFLOW_FLAG.capableLocal | SUBFLOW_FLAG.joinLocal)) !== 0;
}

/** Seconds since anything was heard from the other end, or `otherwise` where the source cannot tell. */
function lastHeardSeconds(tcp: TcpInfo, otherwise: number): number {
  const { lastAcknowledgementSeconds: acknowledged, lastDataReceivedSeconds: received } = tcp;
  if (acknowledged === undefined) return received ?? otherwise;
  return received === undefined ? acknowledged : Math.min(acknowledged, received);
}

/** Bytes sent, what was sent again not counted twice. */
function sentOnce({ socket: { sendQueueBytes = 0, tcp } }: Subflow): number {
  const { sentBytes, retransmittedBytes = 0, acknowledgedBytes = 0 } = tcp;
  // The queue also holds what has not been sent yet.
  return sentBytes === undefined ? acknowledgedBytes + sendQueueBytes : sentBytes - retransmittedBytes;
}

function isAtRest({ backup, socket }: Subflow, state: SubflowHealthState): boolean {
  return (backup === true ? 'backup' : 'idle') === state && (socket.sendQueueBytes ?? 0) === 0;
}
