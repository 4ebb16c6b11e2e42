// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CgroupIdentity, parseCgroups } from './cgroup.ts'

const id = '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970'
const other = id.replaceAll('4', 'b')
const uid = '2c48913c-b29f-11e7-9350-020968147796'
const underscored = uid.replaceAll('-', '_')
const staticPod = 'c5a9d5b1ffb4a2e7c1f1d8a0b9c8d7e6'
const user = '/user.slice/user-1000.slice/user@1000.service'
const pod = (qos: 'guaranteed' | 'burstable' | 'besteffort', of = uid) => ({ pod: { uid: of, qos } })
const container = (runtime?: string, of = id) => ({ container: { uid: of, ...(runtime && { runtime }) } })
const named = (name: string, runtime: string) => ({ container: { name, runtime } })

/** Where the form comes from -> path -> what it says. */
const golden: Readonly<Record<string, readonly (readonly [string, CgroupIdentity])[]>> = {
  'docs.docker.com/engine/containers/runmetrics, "Find the cgroup for a given container"': [
    [`/docker/${id}`, container('docker')],
    [`/docker/${id}/init.scope`, container('docker')],
    [`/system.slice/docker-${id}.scope`, container('docker')],
    [`${user}/user.slice/docker-${id}.scope`, container('docker')],
    // --cgroup-parent
    [`/batch/${id}`, container()],
  ],
  'kubernetes pkg/kubelet/cm/cgroup_manager_linux.go and its test; runtimes below': [
    [`/kubepods/pod${uid}/${id}`, { ...container(), ...pod('guaranteed') }],
    [`/kubepods/burstable/pod${uid}/${id}`, { ...container(), ...pod('burstable') }],
    [`/kubepods/besteffort/pod${staticPod}/${id}`, { ...container(), ...pod('besteffort', staticPod) }],
    [`/kubepods/burstable/pod${uid}/crio-${id}`, { ...container('cri-o'), ...pod('burstable') }],
    [
      `/kubepods.slice/kubepods-pod${underscored}.slice/cri-containerd-${id}.scope`,
      { ...container('containerd'), ...pod('guaranteed') },
    ],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${underscored}.slice/crio-${id}.scope`,
      { ...container('cri-o'), ...pod('burstable') },
    ],
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${staticPod}.slice/docker-${id}.scope`,
      { ...container('docker'), ...pod('besteffort', staticPod) },
    ],
    // kind: the kubelet's --cgroup-root
    [
      `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${underscored}.slice/cri-containerd-${id}.scope`,
      { ...container('containerd'), ...pod('besteffort') },
    ],
    // runc with a scope's name and no systemd
    [
      `/system.slice/containerd.service/kubepods-burstable-pod${underscored}.slice:cri-containerd:${id}`,
      { ...container('containerd'), ...pod('burstable') },
    ],
  ],
  'containerd docs/namespaces.md; nerdctl docs/faq.md; AWS ECS agent': [
    [`/default/${id}`, container()],
    [`/system.slice/nerdctl-${id}.scope`, container('containerd')],
    [`/ecs/55091c13-b8cf-4801-b527-f4601742204d/${id}`, container()],
  ],
  'podman libpod/container_linux.go, podman-run(1) --cgroups': [
    [`/machine.slice/libpod-${id}.scope`, container('podman')],
    [`/machine.slice/libpod-${id}.scope/container`, container('podman')],
    [`${user}/user.slice/libpod-${id}.scope/container`, container('podman')],
    [`/libpod_parent/libpod-${id}`, container('podman')],
    [`/system.slice/web.service/libpod-payload-${id}`, container('podman')],
    [`/machine.slice/libpod-conmon-${id}.scope`, { unit: `libpod-conmon-${id}.scope` }],
  ],
  'cri-o internal/config/cgmgr': [
    [`/system.slice/crio-conmon-${id}.scope`, { unit: `crio-conmon-${id}.scope` }],
    [`/system.slice/crio.service`, { unit: 'crio.service' }],
  ],
  'lxc.container.conf(5): lxc.cgroup.dir.container, and LXC 3 and before': [
    ['/lxc.payload.web-1', named('web-1', 'lxc')],
    ['/lxc.payload.web-1/system.slice/nginx.service', named('web-1', 'lxc')],
    ['/lxc.payload/web-1', named('web-1', 'lxc')],
    ['/lxc/web-1/user.slice', named('web-1', 'lxc')],
    ['/lxc.monitor.web-1', {}],
  ],
  'systemd-nspawn(1), systemd docs/CGROUP_DELEGATION.md; libvirt.org/cgroups.html': [
    ['/machine.slice/machine-deb.scope/payload/init.scope', named('deb', 'systemd-nspawn')],
    ['/machine.slice/systemd-nspawn@deb.service/payload', named('deb', 'systemd-nspawn')],
    ['/machine.slice/machine-a\\x2db.scope', named('a-b', 'systemd-nspawn')],
    ['/machine.slice/machine-deb.scope/supervisor', { unit: 'machine-deb.scope' }],
    ['/machine.slice/machine-lxc\\x2d2\\x2dbox.scope', named('lxc-2-box', 'libvirt-lxc')],
    ['/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator', { unit: 'machine-qemu\\x2d1\\x2dvm.scope' }],
  ],
  'systemd.unit(5), systemd.journal-fields(7): _SYSTEMD_UNIT, _SYSTEMD_USER_UNIT': [
    ['/init.scope', { unit: 'init.scope' }],
    ['/system.slice/nginx.service', { unit: 'nginx.service' }],
    ['/system.slice/system-getty.slice/getty@tty1.service', { unit: 'getty@tty1.service' }],
    ['/user.slice/user-1000.slice/session-3.scope', { unit: 'session-3.scope' }],
    [`${user}/app.slice/app-editor.scope`, { unit: 'user@1000.service', userUnit: 'app-editor.scope' }],
    [`${user}/init.scope`, { unit: 'user@1000.service', userUnit: 'init.scope' }],
    ['/system.slice', {}],
    ['/', {}],
  ],
}

test('AGT-1: what the paths of container runtimes, of Kubernetes and of systemd say', async (t) => {
  for (const [source, rows] of Object.entries(golden))
    await t.test(source, () => {
      for (const [path, said] of rows) {
        assert.deepEqual(parseCgroups(`0::${path}\n`), { ...said, onlyPath: path })
        assert.deepEqual(parseCgroups(`0::${path} (deleted)\n`), { ...said, onlyPath: path })
        assert.deepEqual(parseCgroups(`12:pids:${path}\n1:name=systemd:${path}\n0::/\n`), said, 'cgroup v1')
      }
    })
})

test('on hybrid hosts a container that is in the hierarchies of controllers alone is found, and the unit by systemd', () => {
  assert.deepEqual(parseCgroups(`5:memory:/docker/${id}\n1:name=systemd:/\n0::/\n`), container('docker'))
  const service = '1:name=systemd:/system.slice/ssh.service\n0::/system.slice/ssh.service\n'
  assert.deepEqual(parseCgroups(`4:pids:/system.slice/other.service\n${service}`), { unit: 'ssh.service' })
})

test('what a container makes below its own group does not change who it is', () => {
  assert.deepEqual(parseCgroups(`0::/docker/${id}/system.slice/docker-${other}.scope`).container?.uid, id)
  const within = `0::/kubepods/pod${uid}/${id}/kubepods/pod${staticPod}/${other}`
  assert.deepEqual(parseCgroups(within).pod?.uid, uid)
})

test('names that only look like one of a container or a unit are none', () => {
  const none = [
    `/docker/${id.slice(1)}`,
    `/docker/${id}0`,
    `/docker/${id.toUpperCase()}`,
    `/docker-${id}.scope.bak`,
    `/kubepods/pod${uid}`,
    `/pod${uid}/app`,
    '/system.slice/a\nb.service',
    '/system.slice/\u202egnp.service',
    `/system.slice/${'a'.repeat(300)}.service`,
    '/lxc.payload.',
    '/lxc.payload.../x',
    '/machine-deb.scope.d',
  ]
  for (const path of none) assert.deepEqual(parseCgroups(`1:name=systemd:${path}\n`), {}, path)
})

test('any text is read, in time, and says only what has the form of an id, a name or a unit', () => {
  const pieces = fc.constantFrom(
    ...[
      '0::',
      '1:name=systemd:',
      '/',
      '\n',
      '..',
      '.slice',
      '.scope',
      'docker-',
      'libpod-',
      'kubepods',
      '-pod',
      ':',
      'lxc',
    ],
    ...[id, uid, underscored, 'machine.slice', 'machine-', '\\x2d', 'user@1.service', ' (deleted)', '\0', '-', 'a'],
  )
  const text = fc.array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 30 })
  fc.assert(
    fc.property(text, (parts) => {
      const said = parseCgroups(parts.join(''))
      assert.match(said.container?.uid ?? id, /^[0-9a-f]{64}$/)
      assert.match(said.container?.name ?? 'a', /^[\w.-]{1,64}$/)
      assert.match(said.pod?.uid ?? uid, /^[0-9a-f-]{32,36}$/)
      for (const unit of [said.unit, said.userUnit]) assert.match(unit ?? 'a', /^[\w:.\\@-]{1,255}$/)
    }),
    { numRuns: 300 },
  )
  for (const piece of ['docker-', 'a:', '\\x2d', '/', '-kubepods', 'machine-a.'])
    parseCgroups(`0::/${piece.repeat(40_000)}`)
})
