import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { labUnavailable } from './available.ts';
import { clockEnvironment } from './faults/clock.ts';
import { applyFault, FAULTS, type Fault } from './faults/faults.ts';
import { attachLab, createLab, type Lab, plannedLinks } from './lab.ts';
import type { LinkPlan, LinkSpec } from './links.ts';
import { knownLabs, sweepLeftovers } from './registry.ts';

/** `name[:rateMbit[:delayMs[:lossPercent]]]`, an empty field for none. */
function parseLink(text: string): LinkSpec {
  const [name = '', ...figures] = text.split(':');
  const [rateMbit, delayMs, lossPercent] = figures.map((figure) => (figure === '' ? undefined : Number(figure)));
  return {
    name,
    ...(rateMbit === undefined ? {} : { rateMbit }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(lossPercent === undefined ? {} : { lossPercent }),
  };
}

async function up({ link }: { link: LinkSpec[] }): Promise<void> {
  const reason = await labUnavailable();
  if (reason !== undefined) throw new Error(`no lab can be made: ${reason}`);
  const lab = await createLab({ links: link });
  const end = interruption();
  console.log(`lab ${lab.id}`);
  for (const { plan } of lab.links) console.log(describeLink(plan));
  for (const host of [lab.client, lab.server])
    console.log(`enter the ${host.role}: ip netns exec ${host.namespace} bash`);
  console.log('Ctrl-C takes it down');
  await interrupted(end);
  await lab.close();
}

function status(): void {
  const labs = knownLabs();
  if (labs.length === 0) console.log('no labs');
  for (const { id, ownerPid, ownerAlive } of labs) {
    console.log(`lab ${id} of process ${ownerPid}${ownerAlive ? '' : ', which is gone: "down" removes it'}`);
    for (const link of linksOf(id)) console.log(describeLink(link));
  }
}

function down(id: string | undefined): void {
  for (const removed of sweepLeftovers()) console.log(`removed ${removed}`);
  if (id === undefined) return;
  const lab = knownLabs().find((known) => known.id === id);
  if (lab !== undefined) process.kill(lab.ownerPid, 'SIGTERM');
}

/** Aborted at the first signal to end. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

/** Waits for the interruption, at most `seconds`, and keeps this process meanwhile. */
async function interrupted(interruption: AbortSignal, seconds = Number.POSITIVE_INFINITY): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!interruption.aborted && performance.now() < deadline) {
    // A timer holds no more than 24 days.
    const milliseconds = Math.min(deadline - performance.now(), 86_400_000);
    await sleep(milliseconds, undefined, { signal: interruption }).catch(() => undefined);
  }
}

/** The lab of that id, or the only one; throws when there is none or more than one. */
function livingLab(id: string | undefined): Lab {
  const living = knownLabs().filter((known) => known.ownerAlive && (id === undefined || known.id === id));
  const [only] = living;
  if (only === undefined) throw new Error('there is no such lab: make one with "up"');
  if (living.length > 1) throw new Error(`which lab? --lab ${living.map((known) => known.id).join(' or ')}`);
  return attachLab(only.id);
}

function exec(role: string, program: string[], options: { lab?: string; clock?: true }): void {
  if (role !== 'client' && role !== 'server') throw new Error(`"${role}" is neither client nor server`);
  const lab = livingLab(options.lab);
  const args = program[0] === '--' ? program.slice(1) : program;
  const env = { ...process.env, ...(options.clock === true ? clockEnvironment(lab) : {}) };
  process.exitCode =
    spawnSync('ip', ['netns', 'exec', lab[role].namespace, ...args], { stdio: 'inherit', env }).status ?? 1;
}

function listFaults(): void {
  for (const [name, { what, on }] of Object.entries<Fault>(FAULTS))
    console.log(`${`${name}${on === 'link' ? ' LINK' : ''}`.padEnd(24)}${what}`);
}

async function fault(
  name: string | undefined,
  link: string | undefined,
  options: { lab?: string; seconds?: number },
): Promise<void> {
  if (name === undefined) {
    listFaults();
    return;
  }
  const lab = livingLab(options.lab);
  // A signal that comes while it is being applied ends it too.
  const end = interruption();
  const applied = await applyFault(lab, name, link);
  const what = applied.link === undefined ? name : `${name} on ${applied.link}`;
  const say = (words: string) => console.log(`${new Date().toISOString()} ${what}${words}`);
  say(applied.detail === undefined ? '' : `: ${applied.detail}`);
  if (!applied.lasts) return;
  console.log(options.seconds === undefined ? 'Ctrl-C ends it' : `for ${options.seconds} s; Ctrl-C ends it sooner`);
  await interrupted(end, options.seconds);
  await applied.end();
  say(' has ended');
}

function linksOf(id: string): LinkPlan[] {
  try {
    return plannedLinks(id);
  } catch {
    // A lab that is being made, or whose directory was removed, is listed without its links.
    return [];
  }
}

function describeLink({ name, emulation, client, server, up: upward, down: downward }: LinkPlan): string {
  const figures = [upward, downward].map(
    ({ rateMbit, delayMs, lossPercent }) => `${rateMbit ?? 'unlimited'} Mbit/s ${delayMs} ms ${lossPercent} % loss`,
  );
  return `  ${name} (${emulation}) ${client.ipv4} to ${server.ipv4}: up ${figures[0]}, down ${figures[1]}`;
}

const program = new Command('lab')
  .description('Two hosts joined by shaped links, in network namespaces')
  .enablePositionalOptions();
program
  .command('up')
  .description('make a lab and keep it until Ctrl-C')
  .addOption(
    new Option('--link <name:rateMbit:delayMs:lossPercent>', 'a link; repeatable')
      .argParser((text: string, before: LinkSpec[] = []) => [...before, parseLink(text)])
      .default(undefined, 'eth0:93:5 and wlan0:80:10'),
  )
  .action(({ link }: { link?: LinkSpec[] }) => up({ link: link ?? ['eth0:93:5', 'wlan0:80:10'].map(parseLink) }));
program.command('status').description('list the labs on this machine').action(status);
program
  .command('down')
  .argument('[id]')
  .description('remove leftovers of dead processes; with an id, end that lab')
  .action(down);
program
  .command('exec')
  .description('run a program at one end')
  .argument('<client|server>')
  .argument('<program...>')
  .option('--lab <id>', 'which lab, when there are several')
  .option('--clock', "the program's wall clock follows the lab's clock-step faults")
  .passThroughOptions()
  .action(exec);
program
  .command('fault')
  .description('break something on a running lab; without a name, list what there is')
  .argument('[name]')
  .argument('[link]')
  .option('--lab <id>', 'which lab, when there are several')
  .option('--seconds <n>', 'how long it lasts; default until Ctrl-C', Number)
  .action(fault);

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
