// SPDX-License-Identifier: Apache-2.0
// What is done for the samples of rules/ that need no file of the host to be watched: tools/record-samples.ts records it.

import { basename, dirname } from 'node:path'
import type { SiteObservation } from '../apps/agent/src/observe/observe.ts'

export type Sample = {
  /** Bash, run in a session of its own so that its only ancestor is the host's first process. */
  readonly script: string
  readonly isIt: (observation: SiteObservation) => boolean
  /** So many of one process together, of programs started by one: the sample is their list, and `quiet` is of the last of them. */
  readonly together?: number
  /** The one attribute that makes it quiet. */
  readonly quiet: { readonly path: readonly string[]; readonly value: string | number | boolean }
}
type Value = Sample['quiet']['value']

const quiet = (path: string, value: Value) => ({ path: path.split('/'), value })
const launched = 'process/file/path'
const actors = 'actor/process/file/path'
const parents = 'actor/process/parent_process/file/path'

/** The start of the program at that path. */
const runs = (path: string, script: string, but: Sample['quiet']): Sample => ({
  script,
  isIt: (o) => o.kind === 'exec' && o.file.path === path,
  quiet: but,
})
/** A copy of a shell at the path of another program, in a mount namespace of its own: nothing of the host changes. */
const inPlaceOf = (path: string, script: string, program = '/bin/dash') =>
  `exec unshare -m bash -c 'mount -t tmpfs none ${dirname(path)}; cp ${program} ${path}; ${script}'`
const shellOf = (path: string): Sample => ({
  ...runs('/usr/bin/dash', inPlaceOf(path, `${path} -c "dash -c true; :"`), quiet(launched, '/usr/bin/true')),
  isIt: (o) => o.kind === 'exec' && o.file.path === '/usr/bin/dash' && o.actor.ancestors[0]?.comm === basename(path),
})
/** Its arguments are all that counts: `true` does nothing with them. */
const named = (text: string, other: string): Sample => ({
  script: `env true ${text}`,
  isIt: (o) => o.kind === 'exec' && o.argv[1] === text,
  quiet: quiet('process/cmd_line', other),
})
const asUser = 'setpriv --reuid=1000 --regid=1000 --clear-groups'
const copied = (path: string, before = '') => `${before}cp /bin/true ${path}; env ${path}; rm ${path}`
const setting = (name: string, value: string, net = false): Sample => ({
  script: net
    ? `exec unshare --net bash -c 'echo ${value === '0' ? 1 : 0} > /proc/sys/${name}; tee /proc/sys/${name} <<< ${value}'`
    : `old=$(cat /proc/sys/${name}); tee /proc/sys/${name} <<< "${value}"; echo "$old" > /proc/sys/${name}`,
  isIt: (o) => o.kind === 'sysctl' && o.actor.comm === 'tee',
  quiet: quiet('unmapped/sysctl/after', 'other'),
})
/** In a namespace where the address of the documentation leads to a listener of its own. */
const connects = (port: number, but: Sample['quiet']): Sample => ({
  script: `exec unshare --net perl -MSocket=:all -e 'system("ip link set lo up; ip addr add 192.0.2.7/32 dev lo");
    socket(L,AF_INET,SOCK_STREAM,6);bind(L,pack_sockaddr_in(${port},INADDR_ANY));listen(L,1);
    socket(S,AF_INET,SOCK_STREAM,6);connect(S,pack_sockaddr_in(${port},inet_aton("192.0.2.7")))'`,
  isIt: (o) => o.kind === 'connect' && o.actor.comm === 'perl' && o.socket.remote !== null,
  quiet: but,
})
const reachesPort = (port: number) => connects(port, quiet('dst_endpoint/port', 8))
const unixSocket = (path: string, but: Sample['quiet']): Sample => ({
  script: `exec unshare -m bash -c 'mount -t tmpfs none ${path.split('/').slice(0, 2).join('/')}; mkdir -p ${dirname(path)};
    perl -MSocket=:all -e "socket(L,AF_UNIX,SOCK_STREAM,0);bind(L,pack_sockaddr_un(q(${path})));listen(L,1);
    socket(S,AF_UNIX,SOCK_STREAM,0);connect(S,pack_sockaddr_un(q(${path})))"'`,
  isIt: (o) => o.kind === 'connect' && o.actor.comm === 'perl',
  quiet: but,
})
const loads = (type: number, but: Sample['quiet'], by = 'exec'): Sample => ({
  // Two instructions: 0 is returned.
  script: `${by} perl -e '$i = pack("H*", "b700000000000000" . "9500000000000000"); $l = "GPL\\0";
    $a = pack("LLppLLQLL", ${type}, 2, $i, $l, 0, 0, 0, 0, 0); syscall(321, 5, $a, length $a)'`,
  isIt: (o) => o.kind === 'bpf' && o.actor.comm === 'perl',
  quiet: but,
})
const covers = (path: string): Sample => ({
  script: `exec unshare -m mount --bind /mnt ${path}`,
  isIt: (o) => o.kind === 'mount' && o.target === path,
  quiet: quiet('status', 'Failure'),
})
const reaches = (call: string, script: string, but: Sample['quiet']): Sample => ({
  script,
  isIt: (o) => o.kind === 'reach' && o.call === call,
  quiet: but,
})
const listensOn = (port: number, perl = 'perl', before = 'exec unshare --net') => ({
  script: `${before} ${perl} -MSocket=:all -e 'socket(S,AF_INET,SOCK_STREAM,6);bind(S,pack_sockaddr_in(${port},INADDR_ANY));listen(S,1)'`,
  isIt: (o: SiteObservation) => o.kind === 'listen',
  quiet: quiet('dst_endpoint/ip', '127.0.0.1'),
})
/** Keeps CAP_* of `bit` permitted past the change of its user, and raises it. */
const raises = (bit: number) => `exec perl -e '$h = pack("LL", 0x20080522, 0); $m = 1 << ${bit};
  syscall(157, 8, 1, 0, 0, 0); syscall(117, 1000, 1000, 1000); $d = pack("L6", $m, $m, 0, 0, 0, 0); syscall(126, $h, $d)'`
const toNetwork = (program: string, descriptor: number) =>
  `exec perl -e 'use Socket; socket(S, AF_INET, SOCK_DGRAM, 0); syscall(33, fileno(S), ${descriptor}); exec(${program})'`

const tellers = ['id', 'whoami', 'groups', 'who', 'uname', 'hostname', 'getent']
const looksAround = (before = ''): Sample => ({
  script: `${before}${tellers.join('; ')}; :`,
  isIt: (o) => o.kind === 'exec' && tellers.some((name) => o.file.path === `/usr/bin/${name}`),
  together: 7,
  quiet: quiet(launched, '/usr/bin/id'),
})

export const acts: Readonly<Record<string, Sample>> = {
  'discovery-burst': looksAround('echo 1000 > /proc/self/loginuid; '),
  'discovery-burst-of-service': looksAround(),
  'ports-searched': {
    script: `exec unshare --net perl -MSocket=:all -e 'system("ip link set lo up; ip addr add 192.0.2.7/32 dev lo");
      for (7001..7015) { socket(S,AF_INET,SOCK_STREAM,6);connect(S,pack_sockaddr_in($_,inet_aton("192.0.2.7"))) }'`,
    isIt: (o) => (o.kind === 'connect' || o.kind === 'connect_failed') && o.actor.comm === 'perl',
    together: 15,
    quiet: quiet('dst_endpoint/port', 7001),
  },
  'hidden-program': runs('/tmp/.payload', copied('/tmp/.payload'), quiet(launched, '/tmp/payload')),
  'device-folder-exec': runs('/dev/payload', copied('/dev/payload'), quiet(launched, '/usr/bin/payload')),
  'spool-exec': runs('/var/log/payload', copied('/var/log/payload'), quiet(launched, '/usr/bin/payload')),
  'web-root-exec': runs(
    '/var/www/payload',
    `exec unshare -m bash -c 'mount -t tmpfs none /var; mkdir /var/www; ${copied('/var/www/payload')}'`,
    quiet(launched, '/usr/bin/payload'),
  ),
  'documents-exec': runs('/usr/share/doc/payload', copied('/usr/share/doc/payload'), quiet(launched, '/usr/bin/p')),
  'run-folder-exec': runs('/run/payload', copied('/run/payload'), quiet(launched, '/usr/bin/payload')),
  'deleted-program-run': {
    script: `cp /bin/true /usr/local/bin/gone; exec perl -e '$^F = 99; open(F, "<", "/usr/local/bin/gone"); unlink "/usr/local/bin/gone";
      exec { "/proc/self/fd/" . fileno(F) } "gone"'`,
    isIt: (o) => o.kind === 'exec' && o.file.path.startsWith('/usr/local/bin/gone'),
    quiet: quiet('process/file/is_deleted', false),
  },
  'writable-program-by-root': runs(
    '/usr/local/bin/everyones',
    copied('/usr/local/bin/everyones', 'install -m 0777 /bin/true /usr/local/bin/everyones; '),
    quiet('process/file/xattributes/mode', '0755'),
  ),
  'set-id-outside': runs(
    '/var/tmp/payload',
    `install -m 4755 /bin/true /var/tmp/payload; ${asUser} /var/tmp/payload; rm /var/tmp/payload`,
    quiet('unmapped/secure', false),
  ),
  'set-id-shell': runs(
    '/opt/sealwatch-sample/sh',
    `install -D -m 4755 /bin/dash /opt/sealwatch-sample/sh; ${asUser} /opt/sealwatch-sample/sh -c true; rm -r /opt/sealwatch-sample`,
    quiet('unmapped/secure', false),
  ),
  'set-id-interpreter': runs(
    '/opt/sealwatch-sample/perl',
    `install -D -m 4755 /usr/bin/perl /opt/sealwatch-sample/perl; ${asUser} /opt/sealwatch-sample/perl -e 1; rm -r /opt/sealwatch-sample`,
    quiet('unmapped/secure', false),
  ),
  'preload-into-set-id': runs(
    '/usr/bin/chage',
    `${asUser} env LD_PRELOAD=/x.so chage --help`,
    quiet('unmapped/secure', false),
  ),
  'conversion-into-set-id': runs(
    '/usr/bin/chage',
    `${asUser} env GCONV_PATH=/x chage --help`,
    quiet('unmapped/secure', false),
  ),
  'preload-into-login': runs('/usr/bin/su', 'env LD_PRELOAD=/x.so su --version', quiet(launched, '/usr/bin/id')),
  'interpreter-options-by-root': runs('/usr/bin/perl', 'env PERL5OPT=-w perl -e 1', quiet('actor/process/euid', 1000)),
  'kernel-thread-imitated': {
    script: `(exec -a '[kworker/0:1]' sleep 0)`,
    isIt: (o) => o.kind === 'exec' && o.file.path === '/usr/bin/sleep' && (o.argv[0] ?? '').startsWith('['),
    quiet: quiet('process/cmd_line', 'kworker'),
  },
  'deceiving-name': runs(
    '/opt/.../payload',
    'mkdir /opt/...; cp /bin/true /opt/.../payload; env /opt/.../payload; rm -r /opt/...',
    quiet(launched, '/opt/x/payload'),
  ),
  'through-other-root': {
    script: 'env /proc/$$/root/usr/bin/true',
    isIt: (o) => o.kind === 'exec' && /^\/proc\/\d+\/root\//.test(o.filename),
    quiet: quiet('unmapped/filename', '/usr/bin/true'),
  },
  'loader-run': {
    script: 'env /lib64/ld-linux-x86-64.so.2 /bin/true',
    isIt: (o) => o.kind === 'exec' && o.file.path.includes('/ld-linux'),
    quiet: quiet(launched, '/usr/bin/true'),
  },
  'ramfs-exec': runs(
    '/mnt/payload',
    `exec unshare -m bash -c 'mount -t ramfs none /mnt; cp /bin/true /mnt/payload; env /mnt/payload'`,
    quiet('process/file/xattributes/fs_magic', '0xef53'),
  ),
  'output-to-network': {
    script: toNetwork('"true"', 1),
    isIt: (o) => o.kind === 'exec' && o.networkDescriptors.length > 0,
    quiet: quiet('unmapped/network_descriptors/0', 2),
  },
  'interpreter-from-network': {
    script: toNetwork('"perl", "-e", "1"', 0),
    isIt: (o) => o.kind === 'exec' && o.networkDescriptors.length > 0,
    quiet: quiet(launched, '/usr/sbin/in.telnetd'),
  },
  'dev-tcp-named': named('/dev/tcp/192.0.2.7/443', 'true'),
  'keys-of-cloud-named': named('/root/.aws/credentials', 'true'),
  'cluster-token-named': named('/run/secrets/kubernetes.io/serviceaccount/token', 'true'),
  'environment-named': named('/proc/1/environ', 'true /proc/self/environ'),
  'machine-memory-named': named('/dev/mem', 'true /dev/memo'),
  'disk-overwritten': named('of=/dev/sda', 'true of=/dev/null'),
  'host-given-to-container': runs(
    '/usr/local/bin/docker',
    inPlaceOf('/usr/local/bin/docker', '/usr/local/bin/docker run --privileged image; :', '/bin/true'),
    quiet('process/cmd_line', 'docker run image'),
  ),
  'security-service-stopped': runs(
    '/usr/bin/systemctl',
    `unshare -m bash -c '[ -e /usr/bin/systemctl ] || touch /usr/bin/systemctl; mount --bind /bin/true /usr/bin/systemctl; /usr/bin/systemctl stop auditd'; [ -s /usr/bin/systemctl ] || rm /usr/bin/systemctl`,
    quiet('process/cmd_line', 'systemctl stop nginx'),
  ),
  'firewall-emptied': runs(
    '/usr/sbin/nft',
    inPlaceOf('/usr/sbin/nft', '/usr/sbin/nft flush ruleset; :', '/bin/true'),
    quiet('process/cmd_line', 'nft list ruleset'),
  ),
  'package-manager-command': runs(
    '/usr/bin/apt-get',
    'env apt-get -o APT::Update::Pre-Invoke::=true --version',
    quiet('process/cmd_line', 'apt-get --version'),
  ),
  'package-script-temporary': runs(
    '/tmp/payload',
    `exec unshare -m bash -c 'cp /bin/true /tmp/payload; mount --bind /bin/dash /usr/bin/dpkg; dpkg -c "/tmp/payload; :"; rm /tmp/payload'`,
    quiet(launched, '/usr/bin/payload'),
  ),
  'cron-runs-temporary': runs(
    '/tmp/payload',
    `cp /bin/true /tmp/payload; ${inPlaceOf('/usr/sbin/cron', '/usr/sbin/cron -c "/tmp/payload; :"; rm /tmp/payload')}`,
    quiet('actor/process/ancestry/0/path', '/usr/sbin/other'),
  ),
  'service-runs-temporary': runs(
    '/tmp/payload',
    `cp /bin/true /tmp/payload; ${inPlaceOf('/usr/sbin/nginx', '/usr/sbin/nginx -c "/tmp/payload; :"; rm /tmp/payload')}`,
    quiet(launched, '/usr/bin/payload'),
  ),
  'web-server-interpreter': runs(
    '/usr/bin/perl',
    inPlaceOf('/usr/sbin/nginx', '/usr/sbin/nginx -c "perl -e 1; :"'),
    quiet('unmapped/filename', '/usr/lib/cgi-bin/script'),
  ),
  'service-shell': shellOf('/usr/sbin/nginx'),
  'site-shell': shellOf('/usr/sbin/apache2'),
  'site-looks-around': runs(
    '/usr/bin/id',
    inPlaceOf('/usr/sbin/apache2', '/usr/sbin/apache2 -c "id; :"'),
    quiet('actor/process/ancestry/0/path', '/usr/sbin/cron'),
  ),
  'archiver-shell': {
    script: `cd /tmp; exec tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec=true /etc/hostname`,
    isIt: (o) => o.kind === 'exec' && o.file.path === '/usr/bin/dash',
    quiet: quiet(parents, '/usr/bin/make'),
  },
  'capability-taken': {
    script: raises(21),
    isIt: (o) => o.kind === 'credentials' && o.actor.comm === 'perl' && o.ids.euid === 1000 && o.actor.euid === 1000,
    quiet: quiet('actor/process/euid', 0),
  },
  'other-user-taken': {
    script: `exec setpriv --reuid=1000 --clear-groups --inh-caps=+setuid --ambient-caps=+setuid perl -e 'syscall(117, 1001, 1001, 1001)'`,
    isIt: (o) => o.kind === 'credentials' && o.actor.comm === 'perl' && o.ids.uid === 1001,
    quiet: quiet('unmapped/credentials/uid', 1000),
  },
  'disk-group-taken': {
    script: `exec setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=+setgid --ambient-caps=+setgid perl -e 'syscall(106, 6)'`,
    isIt: (o) => o.kind === 'credentials' && o.actor.comm === 'perl' && o.ids.egid === 6,
    quiet: quiet('unmapped/credentials/egid', 1001),
  },
  'kernel-log-silenced': setting('kernel/printk', '0 4 1 7'),
  'function-tracing-off': setting('kernel/ftrace_enabled', '0'),
  'routing-switched-on': setting('net/ipv4/ip_forward', '1', true),
  'redirects-accepted': setting('net/ipv4/conf/all/accept_redirects', '1', true),
  'spoofing-allowed': setting('net/ipv4/conf/all/rp_filter', '0', true),
  'loopback-routed': setting('net/ipv4/conf/all/route_localnet', '1', true),
  'echo-silenced': setting('net/ipv4/icmp_echo_ignore_all', '1', true),
  'syn-cookies-off': setting('net/ipv4/tcp_syncookies', '0', true),
  'aslr-compat-layout': setting('vm/legacy_va_layout', '1'),
  'probe-loaded': loads(2, quiet('status', 'Failure')),
  'packet-program-loaded': loads(6, quiet('unmapped/bpf/program_type', 'cgroup_skb')),
  'bpf-refused': loads(6, quiet('actor/process/euid', 0), `exec ${asUser}`),
  'breakpoint-in-other': {
    // PERF_TYPE_BREAKPOINT, of 8 bytes, for reading and writing.
    script: `sleep 5 & exec perl -e '$a = pack("LLQQQQQLLQQ", 5, 112, 0, 1, 0, 0, 1, 0, 3, 4096, 8) . "\\0" x 40; syscall(298, $a, $ARGV[0] + 0, -1, -1, 0)' $!`,
    isIt: (o) => o.kind === 'perf' && o.type === 5,
    quiet: quiet('status', 'Failure'),
  },
  'namespace-entered': {
    script: 'unshare -m sleep 2 & sleep 0.5; exec nsenter --mount=/proc/$!/ns/mnt true',
    isIt: (o) => o.kind === 'namespaces' && o.call === 'setns',
    quiet: quiet(actors, '/usr/bin/runc'),
  },
  'own-memory-written': {
    script: 'exec dd if=/dev/null of=/proc/self/mem conv=notrunc',
    isIt: (o) => o.kind === 'mem_open' && o.actor.comm === 'dd',
    quiet: quiet('unmapped/access', 'read'),
  },
  'pages-of-another-advised': reaches(
    'process_madvise',
    `sleep 5 & exec perl -e '$f = syscall(434, $ARGV[0] + 0, 0); $v = pack("QQ", 4096, 4096); syscall(440, $f, $v, 1, 20, 0)' $!`,
    quiet('unmapped/relation', 'launched'),
  ),
  'processes-compared': reaches(
    'kcmp',
    `sleep 5 & exec perl -e 'syscall(312, $ARGV[0] + 0, $ARGV[0] + 0, 1, 0, 0)' $!`,
    quiet('unmapped/relation', 'launched'),
  ),
  'fault-handler': reaches('userfaultfd', `exec perl -e 'syscall(323, 1)'`, quiet(actors, '/usr/bin/criu')),
  'ring-polled': {
    // IORING_SETUP_SQPOLL.
    script: `exec perl -e '$p = pack("LLL", 0, 0, 2) . "\\0" x 108; syscall(425, 8, $p)'`,
    isIt: (o) => o.kind === 'uring' && o.path === null && o.actor.comm === 'perl',
    quiet: quiet('unmapped/ring/flags', '0x0'),
  },
  'system-folder-covered': covers('/usr/share/doc'),
  'log-folder-covered': covers('/var/log/apt'),
  'kernel-interface-covered': {
    ...covers('/sys/kernel/debug/x'),
    script: `exec unshare -m bash -c 'mount -t tmpfs none /sys/kernel/debug; mkdir /sys/kernel/debug/x; exec mount --bind /mnt /sys/kernel/debug/x'`,
  },
  'process-interface-uncovered': {
    script: `exec unshare -m bash -c 'mount -t tmpfs none /proc/fs; umount -n /proc/fs'`,
    isIt: (o) => o.kind === 'mount' && o.call === 'umount' && o.target === '/proc/fs',
    quiet: quiet('file/path', '/mnt'),
  },
  'temporary-program-connects': {
    ...connects(443, quiet(actors, '/usr/bin/perl')),
    script: connects(443, quiet(actors, ''))
      .script.replace('exec unshare', 'cp /usr/bin/perl /tmp/perl; unshare')
      .replace('--net perl', '--net /tmp/perl')
      .concat('; rm /tmp/perl'),
  },
  'mining-port': reachesPort(3333),
  'irc-connection': reachesPort(6667),
  'mail-sent-directly': reachesPort(25),
  'telnet-connection': reachesPort(23),
  'windows-shares-reached': reachesPort(445),
  'windows-management-reached': reachesPort(5985),
  'engine-reached-by-network': reachesPort(2375),
  'kubelet-reached': reachesPort(10250),
  'cluster-store-reached': reachesPort(2379),
  'onion-port': reachesPort(9001),
  'ssh-by-other-program': connects(22, quiet(actors, '/usr/bin/ssh')),
  'engine-socket': unixSocket('/run/docker.sock', quiet(actors, '/usr/bin/docker')),
  'agent-of-other-used': unixSocket('/tmp/ssh-XXXXXXabcd/agent.77', quiet('actor/process/euid', 1000)),
  'package-script-connects': {
    ...connects(443, quiet('connection_info/direction', 'Local')),
    script: `cat > /tmp/sample-script <<"END"
${connects(443, quiet('', '')).script.replace('exec unshare --net ', '')}
true
END
unshare --net -m bash -c 'mount --bind /bin/dash /usr/bin/dpkg; dpkg /tmp/sample-script'; rm /tmp/sample-script`,
  },
  'temporary-program-listens': listensOn(
    4444,
    '/tmp/sample-server',
    'cp /usr/bin/perl /tmp/sample-server; (sleep 1; rm /tmp/sample-server) & unshare --net',
  ),
  'shell-listens': listensOn(
    4444,
    '/usr/local/bin/ncat',
    'cp /usr/bin/perl /usr/local/bin/ncat; (sleep 1; rm /usr/local/bin/ncat) & unshare --net',
  ),
  'engine-listens': listensOn(
    2375,
    '/usr/local/bin/sample-server',
    'cp /usr/bin/perl /usr/local/bin/sample-server; (sleep 1; rm /usr/local/bin/sample-server) & unshare --net',
  ),
  'debugger-listens': listensOn(
    9229,
    '/usr/local/bin/sample-server',
    'cp /usr/bin/perl /usr/local/bin/sample-server; (sleep 1; rm /usr/local/bin/sample-server) & unshare --net',
  ),
}
