import { CAPABILITIES } from '../../mptcp/model.ts';
import { collector } from '../collector.ts';
import { counter, gauge } from '../family.ts';

/** Whether the kernel can be read, through what, and what cannot be told; always on. */
export const source = collector(
  'source',
  ['sockets'],
  {
    up: gauge('mptcp_up', '1 when the MPTCP sockets could be read through the source, 0 when not.'),
    info: gauge('mptcp_source_info', 'Which reader runs, and on which kind of MPTCP kernel.', [
      'source',
      'kernel',
      'release',
    ]),
    capability: gauge(
      'mptcp_capability',
      '1 for what this kernel, this source and these privileges can report, 0 for what they cannot; absent while not known.',
      ['capability'],
    ),
    errors: counter(
      'mptcp_exporter_errors_total',
      'Errors of the exporter since it started, repaired ones too, by the part of the reading or of the exporter.',
      ['collector', 'reason'],
    ),
  },
  ({ picture: { snapshot, errors } }, emit) => {
    emit.up({}, snapshot.sockets.value === undefined ? 0 : 1);
    emit.info({ source: snapshot.source, kernel: snapshot.kernel, release: snapshot.kernelRelease ?? '' }, 1);
    for (const capability of CAPABILITIES) {
      const known = snapshot.capabilities.get(capability);
      emit.capability({ capability }, known === undefined ? undefined : Number(known));
    }
    for (const { origin, code, count } of errors.entries()) {
      emit.errors({ collector: origin, reason: code }, count);
    }
  },
);
