// SPDX-License-Identifier: Apache-2.0
// What Falco's operators, event types and fields mean over golden events.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from '../index.ts'
import { type Event, fires, golden, load, ruleText } from './sample-files.ts'

test('DET-2 operators compare as Falco says', () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ['proc.name = curl', true],
    ['proc.name == curl', true],
    ['proc.name = Curl', false],
    ['proc.name != curl', false],
    ['proc.name != wget', true],
    ['proc.cmdline != x', false],
    ['not proc.cmdline = x', true],
    ['proc.exepath contains bin/c', true],
    ['proc.exepath contains BIN', false],
    ['evt.hostname contains eb-', true],
    ['evt.hostname startswith web-', true],
    ['evt.hostname endswith eb-1', true],
    ['evt.hostname icontains EB-', true],
    ['proc.exepath icontains BIN', true],
    ['proc.exepath bcontains 2f63', true],
    ['proc.exepath bstartswith 2F75', true],
    ['proc.exepath bstartswith 7573', false],
    ['proc.exepath startswith /usr', true],
    ['proc.exepath startswith usr', false],
    ['proc.exepath endswith curl', true],
    ['proc.exepath glob /usr/*', true],
    ['proc.exepath glob /us?/b[a-j]n/c*', true],
    ['proc.exepath glob /us?/b[!a-j]n/c*', false],
    ['proc.exepath glob "/usr/bin"', false],
    ['proc.exepath iglob /USR/*', true],
    ['proc.exepath regex "/usr/[a-z]+/curl"', true],
    ['proc.exepath regex "/usr"', false],
    ['proc.exepath regex "(?i)/USR/BIN/.*"', true],
    ['proc.exepath pmatch (/etc, /usr/bin)', true],
    ['proc.exepath pmatch (/usr/bi)', false],
    ['proc.exepath pmatch (/usr/*)', true],
    ['proc.exepath pmatch (/*/curl)', false],
    ['proc.exepath pmatch (/)', true],
    ['proc.exepath pmatch ()', false],
    ['proc.name in (wget, curl)', true],
    ['proc.name in ()', false],
    ['proc.name intersects (wget, curl)', true],
    ['proc.aname = systemd', true],
    ['proc.aname in (systemd, x)', true],
    ['proc.aname = curl', false],
    ['proc.aname[2] = systemd', true],
    ['proc.aname[0] = curl', true],
    ['proc.aname[3] exists', false],
    ['proc.pname exists', true],
    ['proc.cmdline exists', false],
    ['user.uid = 0', true],
    ['user.uid = 0x0', true],
    ['user.uid < 1', true],
    ['user.uid > 0', false],
    ['user.loginuid >= 1000', true],
    ['user.loginuid <= 999', false],
    ['fd.sip = 192.0.2.7', true],
    ['fd.snet in ("10.0.0.0/8", "192.0.2.0/24")', true],
    ['fd.net != "127.0.0.0/8"', true],
    ['fd.ip != 192.0.2.1', false],
    ['fd.sport in (80, 443)', true],
    ['fd.lport = 40000 and fd.rport = 443 and fd.cport = 40000', true],
    ['fd.name = "192.0.2.1:40000->192.0.2.7:443"', true],
    ['toupper(proc.name) = CURL', true],
    ['basename(proc.exepath) = curl', true],
  ]
  for (const [condition, expected] of rows)
    assert.equal(fires('network-connect', `evt.type = connect and ${condition}`), expected, condition)
})

test('DET-2 an event is the call that it tells of, by whom and on what', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['process-launch', 'evt.type in (execve, execveat) and evt.dir = < and not fd.name exists'],
    ['process-terminate', 'evt.type = procexit'],
    ['file-open', 'evt.type in (open, openat, openat2) and fd.num >= 0 and fd.typechar = f'],
    ['file-read', 'evt.is_open_read = true and fd.name = /etc/shadow and fd.directory = /etc and fd.filename = shadow'],
    ['file-write', 'evt.is_open_write = true and not evt.is_open_read = true'],
    ['file-update', 'evt.is_open_write = true and fs.path.name startswith /etc'],
    ['file-open-refused', 'evt.type = openat and fd.num = -1 and evt.res = EACCES and evt.rawres < 0'],
    ['file-denied', 'evt.is_open_read = true and evt.failed = true'],
    ['file-rename', 'evt.type in (rename, renameat2) and evt.arg.oldpath = /etc/shadow.new'],
    ['file-delete', 'evt.type in (unlink, unlinkat) and evt.arg.name = /etc/shadow'],
    ['file-link', 'evt.type in (link, linkat) and evt.arg.oldpath = /etc/shadow'],
    ['file-set-attributes', 'evt.type in (chmod, fchmodat) and evt.arg.mode contains S_IROTH'],
    ['file-mount', 'evt.type = mount and evt.arg.dir = /etc/shadow'],
    ['process-open', 'evt.type = ptrace and evt.arg.request contains PTRACE_'],
    ['process-inject', 'evt.type = ptrace and evt.arg.request = PTRACE_POKETEXT and proc.name = tracer'],
    ['process-signal', 'evt.type in (kill, tgkill) and evt.arg.sig = SIGKILL'],
    ['memory-read-vm', 'evt.type = process_vm_readv'],
    ['memory-write-vm', 'evt.type = process_vm_writev'],
    ['kernel-module-load', 'evt.type in (init_module, finit_module)'],
    ['kernel-module-unload', 'evt.type = delete_module'],
    ['kernel-bpf-load', 'evt.type = bpf and evt.arg.cmd = BPF_PROG_LOAD'],
    ['kernel-unshare', 'evt.type = unshare and evt.arg.flags contains CLONE_NEWUSER'],
    ['kernel-ring-set-up', 'evt.type = io_uring_setup'],
    ['network-connect-under-way', 'evt.type = connect and evt.res = EINPROGRESS and fd.typechar = 6'],
    ['network-connect-refused', 'evt.type = connect and evt.res = ECONNREFUSED'],
    ['network-connect-unix', 'evt.type = connect and fd.type = unix and fd.name = /run/docker.sock'],
    ['network-connect-denied', 'evt.type = connect and evt.failed = true'],
    [
      'network-accept',
      'evt.type in (accept, accept4) and fd.is_server = true and fd.lport = 22 and fd.rip = 192.0.2.9',
    ],
    ['network-bind', 'evt.type = bind and fd.sport = 5353'],
    ['network-listen', 'evt.type = listen and fd.sport = 4444'],
    ['network-datagram', 'evt.type in (sendto, sendmsg) and fd.l4proto != tcp and fd.name_changed = true'],
    ['network-socket-packet', 'evt.type = socket and evt.arg.domain contains AF_PACKET'],
    ['process-launch-in-container', 'container.id = 4f797c539e6c and container.id != host'],
    ['process-launch-in-container', 'container.image.repository = docker.io/library/nginx'],
    [
      'process-launch-in-container',
      'container.image.tag = 1.25 and container.type = cri-o and container.name = k8s_web',
    ],
    ['process-launch-in-container', 'proc.tty = 0 and k8s.pod.uid startswith 2c48913c'],
    ['process-launch-at-terminal', 'container.id = host and container.name = host and not container.image exists'],
    ['process-launch-at-terminal', 'proc.tty = 34819'],
    ['process-launch-memfd', 'proc.is_exe_from_memfd = true and proc.exepath startswith memfd:'],
  ]
  for (const [event, condition] of rows) assert(fires(event, condition), `${event}: ${condition}`)
})

test('DET-2 an event is no other call, and where nobody knows whether it is of a container it is of none and of no host', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['file-unwatched', 'evt.type exists'],
    ['file-rename', 'evt.type in (open, openat)'],
    ['file-set-attributes', 'evt.type in (chown, fchownat)'],
    ['network-connect', 'container.id = host'],
    ['network-connect', 'container.id != host'],
    ['network-connect-failed', 'evt.type = connect'],
    ['process-launch', 'evt.type = execveat'],
    ['process-launch', 'evt.num = 0'],
    ['process-launch', 'evt.dir = >'],
  ]
  for (const [event, condition] of rows) assert(!fires(event, condition), `${event}: ${condition}`)
})

test('DET-2 the command line is the name and the arguments, as Falco has it', () => {
  const launch = golden('process-launch') as Event & { process: object }
  const event = { ...launch, process: { ...launch.process, name: 'sh', cmd_line: '/bin/sh -c id' } }
  for (const condition of [
    'proc.cmdline = "sh -c id"',
    'proc.args = "-c id"',
    'proc.exe = /bin/sh',
    'proc.exeline = "/bin/sh -c id"',
  ])
    assert(fires(event, `evt.type = execve and ${condition}`), condition)
  const alone = { ...launch, process: { ...launch.process, name: 'sh', cmd_line: 'sh' } }
  assert(fires(alone, 'evt.type = execve and proc.cmdline = sh and proc.args = ""'))
})

test('DET-2 a field that no event has makes nothing true and, behind a not, nothing false', () => {
  assert(!fires('process-launch', 'evt.type = execve and proc.cwd startswith /'))
  assert(!fires('process-launch', 'evt.type = execve and not proc.cwd startswith /'))
  assert(!fires('process-launch', 'evt.type = execve and not (proc.name = x and not proc.cwd = /) and proc.cwd != /'))
  assert(fires('process-launch', 'evt.type = execve and (proc.cwd = / or proc.name = cat)'))
  assert(fires('process-launch', 'evt.type = execve and not (proc.cwd = / and proc.name = x)'))
  // Of an open file's flags the kernel keeps some.
  assert(fires('file-update', 'evt.type = openat and evt.arg.flags contains O_RDWR'))
  assert(!fires('file-update', 'evt.type = openat and not evt.arg.flags contains O_TRUNC'))
})

test('DET-2 what never fires is told, with what is missing; the report says it of every field', () => {
  const texts = [
    ruleText('evt.type = execve and proc.cwd = / and proc.name = x', '', 'Cwd'),
    ruleText('evt.type = dup', '', 'Dup'),
    ruleText('evt.type = execve and (proc.cwd = / or proc.name = x)', '', 'Part'),
    ruleText('evt.type = execve and proc.name = x', '', 'Whole'),
    ruleText('ka.verb = get', '  source: k8s_audit\n', 'Audit'),
    ruleText('evt.type = execve', '  enabled: false\n', 'Off'),
  ]
  const { ruleset, notices, reports } = load(...texts)
  assert.deepEqual(
    notices.map(({ path, text }) => `${path} ${text}`),
    [
      '0.yaml Cwd never fires: no event here has proc.cwd',
      '1.yaml Dup never fires: no event here is one that it is about',
      '4.yaml Audit never fires: no event here is one that it is about',
    ],
  )
  assert.deepEqual(
    ruleset.rules.map(({ title, types }) => [title, types]),
    [
      ['Cwd', []],
      ['Dup', []],
      ['Part', [100_701]],
      ['Whole', [100_701]],
      ['Audit', []],
    ],
  )
  assert.deepEqual(
    reports.map(({ title, fires, supplied, missing }) => [title, fires, supplied, missing]),
    [
      ['Cwd', 'never', ['evt.type', 'proc.name'], ['proc.cwd']],
      ['Dup', 'never', [], []],
      ['Part', 'in part', ['evt.type', 'proc.name'], ['proc.cwd']],
      ['Whole', 'whole', ['evt.type', 'proc.name'], []],
      ['Audit', 'never', [], []],
    ],
  )
  assert.deepEqual([reports[3]?.path, reports[3]?.line], ['3.yaml', 1])
})

test('DET-2 a rule is known by its name, its priority and its tags, and says why it fires', () => {
  const tags = '  tags: [host, mitre_credential_access, T1555, T1059.004]\n'
  const macro = '- macro: is_curl\n  condition: proc.name = curl\n'
  const { ruleset } = load(macro, ruleText('evt.type = connect and is_curl and not user.name = x', tags, 'A rule'))
  const [match] = evaluate(ruleset, golden('network-connect'))
  assert.deepEqual(match?.reasons, [
    { selection: 'is_curl', field: 'proc.name', attribute: '/event/actor/process/name', value: 'curl' },
  ])
  const { id, severity, description, attacks } = match?.rule ?? {}
  assert.deepEqual([id, severity, description], ['falco:A rule', 'medium', 'd'])
  const tactic = { uid: 'TA0006', name: 'Credential Access' }
  assert.deepEqual(attacks, [
    { technique: { uid: 'T1555' }, tactic },
    {
      technique: { uid: 'T1059', name: 'Command and Scripting Interpreter' },
      sub_technique: { uid: 'T1059.004', name: 'Unix Shell' },
      tactic,
    },
  ])
})
