import { readOwnProcess } from '../../linux/proc/own-process.ts';
import { collector } from '../collector.ts';
import { counter, gauge } from '../family.ts';

/** The exporter's own process, under the names that Prometheus clients share. */
export const ownProcess = collector(
  'process',
  [],
  {
    cpu: counter('process_cpu_seconds_total', 'User and system CPU time the exporter has used.'),
    resident: gauge('process_resident_memory_bytes', 'Resident memory of the exporter.'),
    descriptors: gauge('process_open_fds', 'Open file descriptors of the exporter.'),
    start: gauge('process_start_time_seconds', 'When the exporter started, since the Unix epoch.'),
  },
  (_context, emit) => {
    const own = readOwnProcess();
    emit.cpu({}, own.userCpuSeconds + own.systemCpuSeconds);
    emit.resident({}, own.residentBytes);
    emit.descriptors({}, own.openDescriptors);
    emit.start({}, own.startTimestampSeconds);
  },
);
