// SPDX-License-Identifier: Apache-2.0
// Records the samples of rules/ anew: `sudo node tools/record-samples.ts [RULE…]`. For each rule the act is done for real under
// the real sensor; NAME.fires.json is the event it became, NAME.quiet.json the same with one attribute changed. Only
// the host's own particulars are replaced by those of a made-up one. Those for Falco's own rules go to vectors/falco.

import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { type ObserveContext, observe, type SiteObservation } from '../apps/agent/src/observe/observe.ts'
import { createProcessTable, processTableLimits } from '../apps/agent/src/observe/process-table.ts'
import { sampleContext } from '../apps/agent/src/observe/sample-observations.ts'
import { createFrameDecoder } from '../apps/agent/src/sources/frame.ts'
import {
  type FileChange,
  isForGuard,
  type Observation,
  type SensorMessage,
} from '../apps/agent/src/sources/observation.ts'
import { readProcesses } from '../apps/agent/src/sources/proc-snapshot.ts'
import type { ObservedEvent } from '../packages/contract/src/event.ts'
import { type FalcoSample, falcoPrograms, falcoSamples } from './falco-samples.ts'
import { acts, type Sample } from './sample-acts.ts'

const root = join(import.meta.dirname, '..')
const build = join(root, 'apps/sensor/build')
// Copied to where a user might have it: where it was built says nothing.
const probe = '/usr/local/bin/probe'
// Made for the recording and removed after it, like the probe; fails where there is one already.
const data = '/srv/sealwatch-sample'
const keys = `${data}/server/keys`
/** Programs under other names. */
const bin = `${data}/usr/sbin`
/** Stand in for those of the host, and are told as those. */
const standInFolders = [
  ...[
    '/etc/sudoers.d',
    '/root/.ssh',
    '/etc/cron.d',
    '/etc/pam.d',
    '/etc/ssh',
    '/etc/systemd',
    '/var/log',
    '/etc/profile.d',
  ],
  ...['/boot', '/usr/bin', '/opt/sealwatch/apps/agent'],
  ...['/etc/udev/rules.d', '/etc/init.d', '/etc/sysctl.d', '/etc/apt', '/usr/local/bin', '/usr/lib'],
] as const
const standInFiles = [
  ...['/etc/ld.so.preload', '/etc/passwd', '/etc/group', '/etc/nsswitch.conf', '/etc/ld.so.conf', '/etc/rc.local'],
  '/etc/shadow',
] as const
/** These are told when they are read, too, and not which of their lines changed. */
const readToo: ReadonlySet<string> = new Set(['/etc/sudoers.d', '/root/.ssh'])
const standIns = [...standInFolders, ...standInFiles]
const accounts: Readonly<Record<number, string>> = { 0: 'root', 33: 'www-data', 1000: 'alice' }
const byDpkg = { path: ['actor', 'process', 'file', 'path'], value: '/usr/bin/dpkg' } as const
/** What a script does to a stand-in, and the change that shall become the sample. */
const changing = (
  entry: (typeof standIns)[number],
  script: string,
  change: FileChange,
  quiet: Sample['quiet'] = byDpkg,
) => ({
  script: `cd ${data}${entry} 2> /dev/null || cd ${data}/etc; ${script}`,
  isIt: (o: SiteObservation) => o.kind === 'file_change' && o.change === change && o.watched === `${data}${entry}`,
  quiet,
})
const relation = { path: ['unmapped', 'relation'], value: 'traced' } as const
const runsFromMemfd = `
  $^F = 255; my $name = 'payload'; my $fd = syscall(319, $name, 0); open(my $out, '>&=', $fd);
  open(my $in, '<', '/bin/true'); binmode $in; print $out join('', <$in>); $out->flush;
  exec { "/proc/self/fd/$fd" } 'payload'`

const samples: Readonly<Record<string, Sample>> = {
  'shadow-read': {
    script: 'exec cat /etc/shadow',
    isIt: (o) => o.kind === 'file_open' && o.watched === '/etc/shadow' && o.actor.comm === 'cat',
    quiet: { path: ['actor', 'process', 'file', 'path'], value: '/usr/sbin/unix_chkpwd' },
  },
  'sealwatch-key-read': {
    script: `exec cat ${keys}/ledger.key`,
    isIt: (o) => o.kind === 'file_open' && o.watched === keys && o.actor.comm === 'cat',
    quiet: { path: ['actor', 'process', 'euid'], value: 64_701 },
  },
  'sudoers-changed': {
    script: `exec bash -c 'echo "# sample" > ${data}/etc/sudoers.d/more'`,
    isIt: (o) => o.kind === 'file_change' && o.change === 'write' && o.watched === `${data}/etc/sudoers.d`,
    quiet: { path: ['actor', 'process', 'file', 'path'], value: '/usr/bin/dpkg' },
  },
  'root-key-added': {
    script: `echo ssh-ed25519 | tee ${data}/root/.ssh/authorized_keys`,
    isIt: (o) => o.kind === 'file_change' && o.change === 'write' && o.watched === `${data}/root/.ssh`,
    quiet: { path: ['file', 'path'], value: '/root/.ssh/known_hosts' },
  },
  'cron-changed': changing('/etc/cron.d', 'echo "* * * * * root id" | tee job', 'write'),
  'preload-changed': changing('/etc/ld.so.preload', 'echo /lib/x.so | tee ld.so.preload', 'write', {
    path: ['unmapped', 'watched'],
    value: '/etc/ld.so.cache',
  }),
  'pam-changed': changing('/etc/pam.d', 'echo "auth sufficient pam_permit.so" | tee sshd', 'write'),
  'ssh-server-changed': changing('/etc/ssh', 'echo "PermitRootLogin yes" | tee sshd_config', 'write', {
    path: ['file', 'path'],
    value: '/etc/ssh/ssh_config',
  }),
  'unit-changed': changing('/etc/systemd', 'echo "[Service]" | tee sample.service', 'write'),
  'log-lost': changing('/var/log', 'echo failed > auth.log; sleep 0.1; truncate -s 0 auth.log', 'truncate', {
    path: ['actor', 'process', 'file', 'path'],
    value: '/usr/sbin/logrotate',
  }),
  'shell-start-changed': changing('/etc/profile.d', 'echo id | tee sample.sh', 'write'),
  'boot-changed': changing('/boot', 'echo kernel | tee vmlinuz', 'write'),
  'set-id-bit-set': changing('/usr/bin', 'cp /bin/true sample; sleep 0.1; chmod 4755 sample', 'attributes', {
    path: ['file_result', 'xattributes', 'mode'],
    value: '0755',
  }),
  'sealwatch-program-changed': changing('/opt/sealwatch/apps/agent', 'echo other | tee main.ts', 'write', {
    path: ['unmapped', 'watched'],
    value: '/opt/other/agent',
  }),
  'program-replaced': changing('/usr/bin', 'echo other | tee program', 'write'),
  'time-set-back': changing('/var/log', 'echo x > old; sleep 0.1; touch -d 2020-01-01 old', 'attributes', {
    path: ['unmapped', 'set_back'],
    value: false,
  }),
  'accounts-changed': changing('/etc/passwd', 'echo "mallory::1000:1000::/:/bin/sh" | tee -a passwd', 'write', {
    path: ['actor', 'process', 'file', 'path'],
    value: '/usr/sbin/useradd',
  }),
  'root-account-added': changing('/etc/passwd', `useradd -P ${data} -d / -M -N -g 0 -o -u 0 toor`, 'rename', {
    path: ['unmapped', 'diff'],
    value: '@@ -2,0 +2,1 @@\n+toor:x:1000:0::/:/bin/sh',
  }),
  'ptrace-attach': {
    script: `exec ${probe} ptrace sample`,
    isIt: (o) => o.kind === 'ptrace' && o.request === 16,
    quiet: { ...relation, value: 'launched' },
  },
  'proc-mem-read': { script: `exec ${probe} mem sample`, isIt: (o) => o.kind === 'mem_open', quiet: relation },
  'proc-mem-write': {
    script: 'sleep 5 & dd if=/dev/null of=/proc/$!/mem conv=notrunc; kill $!',
    isIt: (o) => o.kind === 'mem_open' && o.actor.comm === 'dd',
    quiet: relation,
  },
  'process-vm-read': {
    script: `exec ${probe} process_vm_readv sample`,
    isIt: (o) => o.kind === 'vm_read',
    quiet: relation,
  },
  'process-vm-write': {
    script: `exec ${probe} process_vm_writev sample`,
    isIt: (o) => o.kind === 'vm_write',
    quiet: relation,
  },
  'memfd-exec': {
    script: `exec perl -MIO::Handle -e '${runsFromMemfd.replaceAll("'", '"')}'`,
    isIt: (o) => o.kind === 'exec' && o.file.memfd,
    quiet: { path: ['actor', 'process', 'parent_process', 'file', 'path'], value: '/usr/bin/runc' },
  },
  'root-taken': {
    script: `exec setpriv --reuid=1000 --clear-groups --inh-caps=+setuid --ambient-caps=+setuid perl -e '$> = 0'`,
    isIt: (o) => o.kind === 'credentials' && o.actor.comm === 'perl' && o.ids.euid === 0,
    quiet: { path: ['unmapped', 'credentials', 'euid'], value: 1000 },
  },
  'sensor-bpf-taken': {
    // BPF_PROG_GET_FD_BY_ID, of all that there are.
    script: `exec perl -e 'for $i (1..99999) { $a = pack("L30", $i); syscall(321, 13, $a, 120) }'`,
    isIt: (o) => o.kind === 'bpf' && o.own,
    quiet: { path: ['unmapped', 'bpf', 'own'], value: false },
  },
  'bpf-calls-bpf': {
    // Two instructions: 0 is returned.
    script: `exec perl -e '$i = pack("H*", "b700000000000000" . "9500000000000000"); $l = "GPL\\0";
      $a = pack("LLppLLQLL", 31, 2, $i, $l, 0, 0, 0, 0, 1 << 4); syscall(321, 5, $a, length $a)'`,
    isIt: (o) => o.kind === 'bpf' && o.actor.comm === 'perl',
    quiet: { path: ['unmapped', 'bpf', 'program_type'], value: 'socket_filter' },
  },
  'kernel-protection-off': {
    script: 'tee /proc/sys/kernel/randomize_va_space <<< 0; echo 2 > /proc/sys/kernel/randomize_va_space',
    isIt: (o) => o.kind === 'sysctl' && o.actor.comm === 'tee',
    quiet: { path: ['unmapped', 'sysctl', 'after'], value: '2' },
  },
  'user-namespace-by-user': {
    script: 'exec setpriv --reuid=1000 --clear-groups unshare --user true',
    isIt: (o) => o.kind === 'namespaces' && 'user' in o.entered && o.actor.comm === 'unshare',
    quiet: { path: ['actor', 'process', 'euid'], value: 0 },
  },
  'shell-connects': {
    // In a namespace of its own, where the address of the documentation leads to a listener that the shell inherits.
    script: `exec unshare --net perl -MSocket=:all -e 'system("ip link set lo up; ip addr add 192.0.2.7/32 dev lo"); $^F = 99;
      socket(S,AF_INET,SOCK_STREAM,6);bind(S,pack_sockaddr_in(443,INADDR_ANY));listen(S,1);
      exec("bash","-c","exec 9<>/dev/tcp/192.0.2.7/443")'`,
    isIt: (o) => o.kind === 'connect' && o.actor.comm === 'bash' && o.socket.remote !== null,
    quiet: { path: ['actor', 'process', 'file', 'path'], value: '/usr/bin/curl' },
  },
  'interpreter-listens': {
    script: `exec unshare --net perl -MSocket=:all -e 'socket(S,AF_INET,SOCK_STREAM,6);bind(S,pack_sockaddr_in(4444,INADDR_ANY));listen(S,1)'`,
    isIt: (o) => o.kind === 'listen' && o.actor.comm === 'perl',
    quiet: { path: ['dst_endpoint', 'ip'], value: '127.0.0.1' },
  },
  'metadata-service': {
    script: `exec unshare --net perl -MSocket=:all -e 'system("ip link set lo up; ip addr add 169.254.169.254/32 dev lo");
      socket(L,AF_INET,SOCK_STREAM,6);bind(L,pack_sockaddr_in(80,INADDR_ANY));listen(L,1);
      socket(S,AF_INET,SOCK_STREAM,6);connect(S,pack_sockaddr_in(80,inet_aton("169.254.169.254")))'`,
    isIt: (o) => o.kind === 'connect' && o.actor.comm === 'perl' && o.socket.remote !== null,
    quiet: { path: ['dst_endpoint', 'ip'], value: '192.0.2.7' },
  },
  'raw-socket': {
    script: `exec perl -MSocket=:all -e 'socket(S,17,SOCK_RAW,0x0300)'`,
    isIt: (o) => o.kind === 'socket' && o.actor.comm === 'perl',
    quiet: { path: ['actor', 'process', 'file', 'path'], value: '/usr/bin/tcpdump' },
  },
  'shell-from-network': {
    script: `exec perl -e 'use Socket; socket(S, AF_INET, SOCK_DGRAM, 0); syscall(33, fileno(S), 0); exec("/bin/sh", "-c", "true")'`,
    isIt: (o) => o.kind === 'exec' && o.networkDescriptors.length > 0 && o.actor.comm === 'sh',
    quiet: { path: ['process', 'file', 'path'], value: '/usr/sbin/in.telnetd' },
  },
  'descriptor-taken': {
    script: `sleep 5 & exec perl -e '$f = syscall(434, $ARGV[0] + 0, 0); syscall(438, $f, 0, 0)' $!`,
    isIt: (o) => o.kind === 'reach' && o.call === 'pidfd_getfd',
    quiet: { path: ['unmapped', 'relation'], value: 'launched' },
  },
  'nameless-code': {
    script: `exec perl -e '$n = "payload"; $m = syscall(319, $n, 0); syscall(77, $m, 4096); syscall(9, 0, 4096, 5, 1, $m, 0)'`,
    isIt: (o) => o.kind === 'executable' && o.way === 'nameless_file',
    quiet: { path: ['unmapped', 'executable'], value: 'made' },
  },
  'watched-file-refused': {
    script: 'exec setpriv --reuid=1000 --regid=1000 --clear-groups cat /etc/shadow',
    isIt: (o) => o.kind === 'refused' && o.what === 'open',
    quiet: { path: ['unmapped', 'watched'], value: '/etc/hostname' },
  },
  'root-refused': {
    script: `exec setpriv --reuid=1000 --clear-groups perl -e 'syscall(105, 0)'`,
    isIt: (o) => o.kind === 'refused' && o.what === 'ids',
    quiet: { path: ['kernel', 'system_call'], value: 'setgid' },
  },
  'memory-descriptor-passed': {
    script: `exec ${probe} passed sample --file /proc/self/mem`,
    isIt: (o) => o.kind === 'passed' && o.watched === null,
    quiet: { path: ['file', 'path'], value: '/etc/hostname' },
  },
  'process-hidden': {
    script: `sleep 5 & exec unshare -m mount --bind /tmp /proc/$!`,
    isIt: (o) => o.kind === 'mount' && /^\/proc\/\d+$/.test(o.target),
    quiet: { path: ['status'], value: 'Failure' },
  },
  'watched-file-covered': {
    script: `mount -t tmpfs none ${data}/etc/sudoers.d; sleep 0.5; umount ${data}/etc/sudoers.d`,
    isIt: (o) => o.kind === 'file_change' && o.change === 'cover',
    quiet: { path: ['unmapped', 'change'], value: 'read' },
  },
  'files-rewritten': {
    ...changing(
      '/usr/local/bin',
      `for i in {1..20}; do echo text > text$i; done; sleep 0.5; exec perl -e 'for (1..20) { rename("text$_", "text$_.locked") }'`,
      'rename',
    ),
    together: 20,
    quiet: { path: ['file', 'path'], value: '/usr/local/bin/text1' },
  },
  'name-lookup-changed': changing('/etc/nsswitch.conf', 'echo "passwd: x" | tee nsswitch.conf', 'write'),
  'library-path-changed': changing('/etc/ld.so.conf', 'echo /opt/x | tee ld.so.conf', 'write'),
  'device-rule-changed': changing('/etc/udev/rules.d', 'echo rule | tee sample.rules', 'write'),
  'start-script-changed': changing('/etc/rc.local', 'echo id | tee rc.local', 'write'),
  'init-script-changed': changing('/etc/init.d', 'echo id | tee sample', 'write'),
  'kernel-settings-file-changed': changing('/etc/sysctl.d', 'echo x=1 | tee sample.conf', 'write'),
  'package-source-changed': changing('/etc/apt', 'echo deb | tee sources.list', 'write'),
  'package-hook-changed': changing('/etc/apt', 'echo x | tee apt.conf', 'write'),
  'system-program-shadowed': changing('/usr/local/bin', 'echo other | tee sudo', 'write', {
    path: ['file', 'path'],
    value: '/usr/local/bin/sample',
  }),
  'system-program-removed': changing('/usr/bin', 'echo x > gone; sleep 0.2; rm gone', 'remove'),
  'boot-removed': changing('/boot', 'echo x > gone; sleep 0.2; rm gone', 'remove'),
  'unit-removed': changing('/etc/systemd', 'echo x > gone; sleep 0.2; rm gone', 'remove'),
  'library-removed': changing('/usr/lib', 'echo x > gone; sleep 0.2; rm gone', 'remove'),
  'privileged-group-joined': changing('/etc/group', `usermod -P ${data} -a -G sudo games`, 'rename', {
    path: ['unmapped', 'diff'],
    value: '@@ -2,0 +2,1 @@\n+users:x:100:mallory',
  }),
  'service-account-opened': changing('/etc/passwd', `usermod -P ${data} -s /bin/sh games`, 'rename', {
    path: ['unmapped', 'diff'],
    value: '@@ -2,0 +2,1 @@\n+games:x:5:60::/usr/games:/usr/sbin/nologin',
  }),
  'host-key-read': {
    script: `exec cat ${data}/etc/ssh/ssh_host_rsa_key`,
    isIt: (o) => o.kind === 'file_open' && o.actor.comm === 'cat' && o.watched === `${data}/etc/ssh/ssh_host_rsa_key`,
    quiet: { path: ['actor', 'process', 'file', 'path'], value: '/usr/sbin/sshd' },
  },
  'root-private-key-read': {
    script: `exec cat ${data}/root/.ssh/id_rsa`,
    isIt: (o) => o.kind === 'file_open' && o.actor.comm === 'cat' && o.watched === `${data}/root/.ssh`,
    quiet: { path: ['actor', 'process', 'file', 'path'], value: '/usr/bin/ssh' },
  },
  'sudoers-read': {
    script: `exec cat ${data}/etc/sudoers.d/known`,
    isIt: (o) => o.kind === 'file_open' && o.actor.comm === 'cat' && o.watched === `${data}/etc/sudoers.d`,
    quiet: { path: ['actor', 'process', 'file', 'path'], value: '/usr/bin/sudo' },
  },
  'dev-shm-exec': {
    script: 'cd /dev/shm; cp /bin/true payload; env ./payload; rm payload',
    isIt: (o) => o.kind === 'exec' && o.file.path === '/dev/shm/payload',
    quiet: { path: ['process', 'file', 'path'], value: '/usr/bin/payload' },
  },
}

/** Some sites are not on every kernel. */
const patienceMs = 10_000
const wanted = process.argv.slice(2)
const dir = mkdtempSync(join(tmpdir(), 'samples-'))
const instance = `samples-${process.pid}`
mkdirSync(data)
try {
  mkdirSync(keys, { recursive: true })
  spawnSync('cp', ['--parents', '/etc/passwd', '/etc/shadow', '/etc/group', '/etc/gshadow', data])
  for (const path of [...standInFolders, '/usr/sbin']) mkdirSync(data + path, { recursive: true })
  for (const name of falcoPrograms) spawnSync('cp', ['/usr/bin/perl', join(bin, name)])
  writeFileSync(join(keys, 'ledger.key'), '', { mode: 0o600 })
  for (const path of ['/etc/ssh/ssh_host_rsa_key', '/root/.ssh/id_rsa', '/etc/sudoers.d/known'])
    writeFileSync(data + path, '')
  for (const path of ['/etc/nsswitch.conf', '/etc/ld.so.conf', '/etc/rc.local']) writeFileSync(data + path, '')
  if (spawnSync('make', ['-s', '-C', join(root, 'apps/sensor'), 'all'], { stdio: 'inherit' }).status !== 0)
    throw new Error('the sensor could not be built')
  spawnSync('install', ['-m', '0755', join(build, 'probe'), probe])
  await record()
} finally {
  for (const made of [dir, probe, data, `/sys/fs/bpf/sealwatch-${instance}`])
    rmSync(made, { recursive: true, force: true })
}

async function record(): Promise<void> {
  const context: ObserveContext = { ...sampleContext(), processes: createProcessTable(processTableLimits) }
  const init = readProcesses().filter(({ pid }) => pid === 1)
  context.processes.seed(
    init.map((row) => ({ ...row, exe: '/usr/lib/systemd/systemd', argv: ['/sbin/init'] })),
    0n,
  )
  let onMessage: (message: SensorMessage) => void = () => undefined
  const server = createServer((socket) => {
    const decoder = createFrameDecoder()
    socket.on('data', (chunk: Buffer) => {
      for (const message of decoder.push(chunk)) onMessage(message)
    })
  })
  const socketPath = join(dir, 'sensor.sock')
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  chmodSync(dir, 0o755)
  chmodSync(socketPath, 0o666)
  const attached = new Promise<void>((resolve) => {
    onMessage = (message) => message.kind === 'hello' && resolve()
  })
  const args = ['--socket', socketPath, '--instance', instance, '--watch', '/etc/shadow', '--watch', keys]
  for (const path of standIns) args.push('--watch', `${readToo.has(path) ? '' : 'changes,diff:'}${data}${path}`)
  args.push('--watch', `${data}/etc/ssh/ssh_host_rsa_key`)
  const sensor = spawn(join(build, 'sensor'), args, { stdio: 'inherit' })
  await attached

  const all: Readonly<Record<string, Sample | FalcoSample>> = { ...samples, ...acts, ...falcoSamples(bin, data) }
  for (const [name, sample] of Object.entries(all)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const together = 'together' in sample ? sample.together : undefined
    const found = new Promise<ObservedEvent | readonly ObservedEvent[]>((resolve) => {
      const byProcess = new Map<string, ObservedEvent[]>()
      onMessage = (message) => {
        if (message.kind === 'hello' || message.kind === 'report' || isForGuard(message)) return
        const told = underSystemd(message)
        context.processes.learn(told)
        if (told.kind === 'fork' || told.kind === 'overflow' || !sample.isIt(told)) return
        const { event } = observe(told, knowing(context, sample))
        if (together === undefined) return resolve(event)
        const whose = whoseOf(event)
        const all = [...(byProcess.get(whose) ?? []), event]
        byProcess.set(whose, all)
        if (all.length === together) resolve(all)
      }
    })
    // The first sleep outlives the shell that started it, so the act's parent is the host's first process.
    spawnSync('setsid', ['--fork', 'bash', '-c', `sleep 0.2; ${sample.script}`], { stdio: 'ignore' })
    const event = await Promise.race([found, setTimeout(patienceMs)])
    if (event === undefined) {
      process.stderr.write(`${name}: what was done was not told here\n`)
      continue
    }
    if (!('quiet' in sample)) {
      write(`vectors/falco/${name}.json`, event)
      continue
    }
    write(`rules/${name}.fires.json`, event)
    const quiet = (one: object) => changed(one, sample.quiet.path, sample.quiet.value)
    write(
      `rules/${name}.quiet.json`,
      isList(event) ? event.with(-1, quiet(event.at(-1) as object) as ObservedEvent) : quiet(event),
    )
  }
  sensor.kill('SIGTERM')
  server.close()
}

/** The host's first process has another name on every kind of machine; in the samples it is systemd. */
function underSystemd<T extends Observation>(observation: T): T {
  const { actor } = observation
  const ancestors = actor.ancestors.map((ref) => (ref.pid === 1 ? { ...ref, comm: 'systemd' } : ref))
  return { ...observation, actor: { ...actor, ancestors } }
}

function knowing(context: ObserveContext, sample: Sample | FalcoSample): ObserveContext {
  if ('quiet' in sample) return context
  const { facts } = sample
  const enrichment = { ...context.enrichment, ...(facts && { process: () => facts }) }
  return { ...context, enrichment, userName: (uid) => accounts[uid] }
}

function isList(value: object): value is readonly ObservedEvent[] {
  return Array.isArray(value)
}

/** Who did it; of a program that was started, who started it. */
function whoseOf(event: ObservedEvent): string {
  const { process } = (
    event as { readonly actor: { readonly process: { uid: string; parent_process?: { uid: string } } } }
  ).actor
  return (event.activity_name === 'Launch' && process.parent_process?.uid) || process.uid
}

/** An event a line, of several. */
function write(path: string, event: object): void {
  const text = isList(event)
    ? `[\n${event.map((one) => JSON.stringify(one)).join(',\n')}\n]`
    : JSON.stringify(event, null, 2)
  const told = [...standIns, '/usr/sbin'].reduce((said, path) => said.replaceAll(data + path, path), text)
  writeFileSync(join(root, path), `${told}\n`)
}

function changed(value: object, [member, ...rest]: readonly string[], to: string | number | boolean): object {
  if (member === undefined) return value
  const inner = (value as Readonly<Record<string, unknown>>)[member]
  return { ...value, [member]: rest.length === 0 ? to : changed(inner as object, rest, to) }
}
