import { describe, expect, it } from 'vitest';
import { ETH, SERVER_INITIAL, SERVER_JOIN, Timeline } from './timeline.ts';
import { expectHealthy, transfer } from './transfer.ts';

describe('a silent blackhole while uploading', () => {
  it.each([0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])(
    'is stalled within 2 s, %d s after a look, advised looks or not',
    (offset) => {
      for (const eager of [true, false]) {
        const { timeline, wlan } = transfer('up');
        timeline.eager = eager;
        const start = timeline.now + offset;
        timeline.answerBy((path) => path === 'wlan0');
        // The flow's clock stands still until the next look, which the fault precedes.
        timeline.flows.forEach((flow) => {
          flow.pass(start);
        });
        wlan.dead = true;
        timeline.run(6);
        expect(timeline.enteredAfter('wlan0', 'stalled', start)).toBeLessThanOrEqual(2);
        expect(timeline.reasons('wlan0')).toEqual(['no_acknowledgements']);
        expectHealthy(timeline, 'eth0', start);
      }
    },
  );

  it('is stalled within 2 s, too, when the path had lost something for some seconds before', () => {
    const { timeline, wlan } = transfer('up');
    timeline.answerBy((path) => path === 'wlan0');
    wlan.lossRatio = 0.1;
    timeline.run(6);
    const start = timeline.now;
    wlan.dead = true;
    timeline.run(6);
    expect(timeline.states('wlan0', start)).toEqual(['up', 'stalled']);
    expect(timeline.enteredAfter('wlan0', 'stalled', start)).toBeLessThanOrEqual(2);
  });

  it('is up again within 5 s of the link’s return though the sender backs off for longer', () => {
    const { timeline, wlan } = transfer('up');
    let dead = true;
    let returned = Number.POSITIVE_INFINITY;
    // As the kernel does: SYN, and again each second.
    timeline.answer = ({ verdictSeconds, timeoutSeconds }) => {
      if (!dead) return [{ alive: true, afterSeconds: 0.03 }];
      const silence = { alive: false, afterSeconds: verdictSeconds };
      const syn = [1, 2, 3, 4].find((after) => timeline.now + after > returned && after < timeoutSeconds);
      return syn === undefined ? [silence] : [silence, { alive: true, afterSeconds: syn + 0.03 }];
    };
    wlan.dead = true;
    timeline.run(20);
    for (const again of [0.3, 1.7, 2.2, 4.1]) {
      returned = timeline.now + again;
      timeline.run(again, 0.1);
      wlan.dead = false;
      dead = false;
      timeline.run(6);
      expect(timeline.enteredAfter('wlan0', 'up', returned)).toBeLessThanOrEqual(5);
      dead = true;
      returned = Number.POSITIVE_INFINITY;
      timeline.run(20);
      wlan.dead = true;
      timeline.run(20);
      expect(timeline.paths.get('wlan0')?.state).toBe('stalled');
    }
  });

  it('tells how long the connection took to move elsewhere, and the path to move data again', () => {
    const { timeline, eth, wlan } = transfer('up');
    timeline.answerBy(() => wlan.dead);
    eth.sending = false;
    timeline.run(3);
    wlan.dead = true;
    timeline.run(3);
    eth.sending = true;
    timeline.run(5);
    const failover = timeline.durations.filter(({ kind }) => kind === 'failover');
    expect(failover).toMatchObject([{ path: 'wlan0' }]);
    expect(failover[0]?.seconds).toBeGreaterThan(2.9);
    expect(failover[0]?.seconds).toBeLessThan(4.1);
    wlan.dead = false;
    timeline.run(20);
    const recovery = timeline.durations.filter(({ kind }) => kind === 'recovery');
    expect(recovery).toMatchObject([{ path: 'wlan0' }]);
    expect(recovery[0]?.seconds).toBeLessThan(15);
    expect(recovery[0]?.seconds).toBeGreaterThan(0.5);
  });

  it('counts a failover of 0 for a connection that never stopped', () => {
    const { timeline, wlan } = transfer('up');
    timeline.answerBy(() => wlan.dead);
    wlan.dead = true;
    timeline.run(4);
    expect(timeline.durations).toMatchObject([{ kind: 'failover', path: 'wlan0', seconds: 0 }]);
  });

  it('is seen at the first look of an exporter that was started during it', () => {
    const { timeline, wlan } = transfer('up');
    wlan.dead = true;
    timeline.run(5);
    const restarted = new Timeline();
    restarted.now = timeline.now;
    restarted.connections = timeline.connections;
    restarted.flows = timeline.flows;
    restarted.look();
    expect(restarted.paths.get('wlan0')?.state).toBe('stalled');
    expect(restarted.paths.get('eth0')?.state).toBe('up');
  });

  it('does not leave the path degraded for what it retransmits afterwards', () => {
    const { timeline, wlan } = transfer('up');
    timeline.answerBy(() => wlan.dead);
    wlan.dead = true;
    timeline.run(7);
    wlan.dead = false;
    const back = timeline.now;
    timeline.run(40);
    expect(timeline.states('wlan0', back)).toEqual(['stalled', 'up']);
  });

  it('on a server is told of the path all of whose clients are silent, not of one that others use', () => {
    const timeline = new Timeline();
    timeline.run(1);
    timeline.connect(1, []);
    const one = timeline.join(1, ETH, SERVER_INITIAL);
    const two = timeline.join(1, ETH, SERVER_JOIN);
    one.sending = two.sending = true;
    timeline.run(5);
    two.dead = true;
    timeline.run(10);
    expect(timeline.states('eth0', 102)).toEqual(['up']);
    expect(timeline.subflows).toEqual(['active', 'stalled']);
    one.dead = true;
    timeline.run(3);
    expect(timeline.paths.get('eth0')?.state).toBe('stalled');
    expect(timeline.asked).toEqual([]);
  });

  it('stays stalled without checks until an acknowledgement comes', () => {
    const { timeline, wlan } = transfer('up', new Timeline({ confirm: 'off' }));
    wlan.dead = true;
    timeline.run(8);
    wlan.dead = false;
    timeline.run(2);
    expect(timeline.paths.get('wlan0')?.state).toBe('stalled');
    timeline.run(10);
    expect(timeline.paths.get('wlan0')?.state).toBe('up');
    expect(timeline.asked).toEqual([]);
  });

  it('is degraded, not up, when checks get through and the subflows’ own retries do not', () => {
    const { timeline, wlan } = transfer('up');
    const start = timeline.now;
    wlan.dead = true;
    timeline.run(40);
    expect(timeline.paths.get('wlan0')?.state).toBe('degraded');
    expect(timeline.reasons('wlan0')).toEqual(['high_loss', 'no_acknowledgements']);
    // Five seconds after the first check, which comes a second after the fault.
    expect(timeline.toldAfter('wlan0', 'no_acknowledgements', start + 2)).toBeGreaterThanOrEqual(4);
    expect(timeline.toldAfter('wlan0', 'no_acknowledgements', start + 2)).toBeLessThanOrEqual(9);
  });
});
