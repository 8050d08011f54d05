/** Imports run downwards only: cli → http → metrics → observer → source, probe, reflector → config, linux → mptcp. */
const LAYERS = ['cli', 'http', 'metrics', 'observer', '(source|probe|reflector)', '(config|linux)', 'mptcp'];

const place = (layer) => `^exporter/src/${layer}(/|\\.ts$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...LAYERS.slice(1).map((layer, index) => ({
      name: `no-import-upwards-from-${layer.replace(/[()]/g, '').replaceAll('|', '-')}`,
      severity: 'error',
      from: { path: place(layer) },
      to: { path: ['^exporter/src/main\\.ts$', ...LAYERS.slice(0, index + 1).map(place)] },
    })),
    {
      name: 'domain-is-alone',
      comment: 'mptcp/ is pure: whatever it needs is passed to it.',
      severity: 'error',
      from: { path: place('mptcp') },
      to: { path: '^exporter/src/', pathNot: place('mptcp') },
    },
    {
      name: 'config-and-linux-apart',
      comment: 'The machine knows nothing of our files, and the configuration nothing of the machine.',
      severity: 'error',
      from: { path: place('(config|linux)') },
      to: { path: place('(config|linux)'), pathNot: '^exporter/src/$1/' },
    },
    {
      name: 'one-importer-koffi',
      severity: 'error',
      from: { path: '^exporter/src/', pathNot: '^exporter/src/linux/libc\\.ts$' },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'one-importer-execa',
      severity: 'error',
      from: { path: '^exporter/src/', pathNot: '^exporter/src/linux/tool/exec\\.ts$' },
      to: { path: ['node_modules/execa', '^(node:)?child_process$'] },
    },
    {
      name: 'one-importer-prom-client',
      severity: 'error',
      from: { path: '^exporter/src/', pathNot: '^exporter/src/metrics/registry\\.ts$' },
      to: { path: 'node_modules/prom-client' },
    },
    {
      name: 'one-importer-systeminformation',
      severity: 'error',
      from: { path: '^exporter/src/', pathNot: '^exporter/src/linux/interface-facts-program\\.ts$' },
      to: { path: 'node_modules/systeminformation' },
    },
    {
      name: 'no-circular',
      comment: 'Types alone may refer to each other: they are gone when the program runs.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'program-imports-no-tests',
      severity: 'error',
      from: { path: '^exporter/src/' },
      to: { path: '^(test|grafana|prometheus|docs|stack)/' },
    },
    {
      name: 'stack-starts-programs',
      comment: 'It starts what a user would start, and shares no code with it.',
      severity: 'error',
      from: { path: '^stack/' },
      to: { path: '^(exporter|test|grafana|prometheus|docs)/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^(exporter|grafana|prometheus|stack|test)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
