import { bands, lines } from '../charts.ts';
import type { Row } from '../frame.ts';
import { stat, steps, words } from '../panels.ts';
import { from, newest, rate, sumBy } from '../promql.ts';
import { table } from '../tables.ts';
import { goodOrNot, NO_EXPORTER } from '../words.ts';

const CHART = { width: 8, height: 8, noValue: NO_EXPORTER } as const;

/** The exporter: whether it is read, what it can read, what that costs. */
export const exporter: Row = {
  id: 1,
  title: 'Exporter',
  panels: [
    stat(
      {
        id: 101,
        title: 'Exporter',
        description:
          'Whether Prometheus reaches the exporter and the exporter reads the kernel. "Not scraped": start it, or correct the target in prometheus.yml. "Cannot read the kernel": its log names the cause and the remedy.',
        unit: 'none',
        noValue: 'No exporter found: start it, then look at Status > Targets in Prometheus.',
        width: 8,
        height: 4,
        mappings: [goodOrNot('Reading', 'Cannot read the kernel'), words({ '-1': ['Not scraped', 'red'] })],
      },
      { expr: `${from('mptcp_up')} or (${from('up')} == 0) - 1`, legend: '{{instance}}' },
    ),
    stat(
      {
        id: 102,
        title: 'Series hidden',
        description:
          'Subflows without series of their own, left out by --subflow.limit: the idlest. Path totals include them. Raise the limit only if you need to see them one by one.',
        unit: 'short',
        noValue: NO_EXPORTER,
        width: 8,
        height: 4,
        thresholds: steps('green', [1, 'orange']),
      },
      { expr: newest([], from('mptcp_subflow_series_hidden')), legend: '{{instance}}' },
    ),
    stat(
      {
        id: 103,
        title: 'Samples per scrape',
        description:
          'How many samples the last scrape brought. Thousands: lower --subflow.limit, unless Prometheus has room for them.',
        unit: 'short',
        noValue: NO_EXPORTER,
        width: 8,
        height: 4,
      },
      { expr: newest([], from('scrape_samples_scraped')), legend: '{{instance}}' },
    ),
    bands(
      {
        ...CHART,
        id: 104,
        title: 'Collectors',
        description:
          'Whether each group of metrics could be read at each scrape. Red: what it reports is missing, not zero. "Errors" below names the reason, the log the remedy.',
        unit: 'none',
        mappings: [goodOrNot('Read', 'Failed')],
        thresholds: steps('red', [1, 'green']),
      },
      [
        {
          expr: sumBy(['collector'], from('mptcp_scrape_collector_success')),
          legend: '{{collector}} ({{instance}})',
        },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 105,
        title: 'Time per scrape',
        description:
          'How long each scrape of the exporter took, as Prometheus saw it. Near scrape_timeout scrapes begin to fail: the machine is overloaded, or has very many sockets.',
        unit: 's',
      },
      [{ expr: newest([], from('scrape_duration_seconds')), legend: '{{instance}}' }],
    ),
    lines(
      {
        ...CHART,
        id: 106,
        title: 'Time per collector',
        description:
          'How long each group of metrics took at a scrape. A second or more: the machine is overloaded, or has very many sockets.',
        unit: 's',
      },
      [
        {
          expr: sumBy(['collector'], from('mptcp_scrape_collector_duration_seconds')),
          legend: '{{collector}} ({{instance}})',
        },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 107,
        title: 'Errors',
        description:
          'Errors of the exporter per second, by collector and reason. permission_denied: it lacks CAP_NET_ADMIN. dump_interrupted now and then is harmless: it was read again.',
        unit: 'cps',
        noValue: 'No error so far.',
      },
      [
        {
          expr: sumBy(['collector', 'reason'], rate(from('mptcp_exporter_errors_total'))),
          legend: '{{collector}}: {{reason}} ({{instance}})',
        },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 108,
        title: 'Closes without last bytes',
        description:
          'Subflows per second whose last bytes could not be learnt, so that totals miss what moved after the last look. With CAP_NET_ADMIN only abortive closes are among them.',
        unit: 'cps',
      },
      [
        {
          expr: sumBy(['path'], rate(from('mptcp_path_unaccounted_closes_total'))),
          legend: '{{path}} on {{instance}}',
        },
      ],
    ),
    lines(
      {
        ...CHART,
        id: 109,
        title: 'What the exporter uses',
        description:
          'Memory and open files should stay level; what grows for days is a leak worth reporting. Its processor time is below 0.05 even with hundreds of subflows.',
        unit: 'short',
        colours: { '/^memory/': 'purple', '/^open files/': 'blue', '/^processors/': 'orange' },
      },
      [
        { expr: `${newest([], from('process_resident_memory_bytes'))} / 1e6`, legend: 'memory in MB ({{instance}})' },
        { expr: newest([], from('process_open_fds')), legend: 'open files ({{instance}})' },
        { expr: newest([], rate(from('process_cpu_seconds_total'))), legend: 'processors busy ({{instance}})' },
      ],
    ),
    table({
      id: 110,
      title: 'What runs',
      description:
        'Exporter, reader and kernel. Reader ss where netlink should be: koffi could not load on this platform, and reading costs more.',
      unit: 'none',
      noValue: NO_EXPORTER,
      width: 15,
      height: 8,
      facts: [
        newest(['version', 'node'], from('mptcp_exporter_build_info')),
        newest(['source', 'kernel', 'release'], from('mptcp_source_info')),
        newest(['scheduler'], from('mptcp_scheduler_info')),
        newest(['path_manager'], from('mptcp_path_manager_info')),
      ],
      labels: {
        instance: 'Machine',
        version: 'Exporter',
        node: 'Node.js',
        source: 'Reader',
        kernel: 'Kernel',
        release: 'Release',
        scheduler: 'Scheduler',
        path_manager: 'Path manager',
      },
      values: [],
    }),
    table({
      id: 111,
      title: 'What can be read',
      description:
        'What this kernel, reader and privilege can report; what they cannot is absent, never zero. More with CAP_NET_ADMIN, and with a newer kernel.',
      unit: 'none',
      noValue: NO_EXPORTER,
      width: 9,
      height: 8,
      facts: [],
      labels: { capability: 'Capability', instance: 'Machine' },
      values: [
        {
          title: 'Readable',
          expr: newest(['capability'], from('mptcp_capability')),
          unit: 'none',
          mappings: [goodOrNot('Yes', 'No')],
        },
      ],
    }),
  ],
};
