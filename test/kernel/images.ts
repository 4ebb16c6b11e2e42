// SPDX-License-Identifier: Apache-2.0
// Debian's kernels, from the mirror that this machine's apt is set to, kept below .sealwatch/kernels: what is there is not
// fetched again. apt keeps its lists of other releases in there too, so that the machine's own stay as they are.

import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export type Kernel = { readonly series: string; readonly suite: string }
export type Image = { readonly release: string; readonly vmlinuz: string; readonly initramfs: string }

export const kernels: readonly Kernel[] = [
  { series: '5.10', suite: 'bullseye' },
  { series: '6.1', suite: 'bookworm' },
  { series: '6.12', suite: 'trixie' },
]

const root = join(import.meta.dirname, '../..')
const cache = join(root, '.sealwatch/kernels')
const outputOf = (file: string, args: readonly string[], cwd?: string) =>
  execFileSync(file, args, { encoding: 'utf8', cwd, stdio: ['ignore', 'pipe', 'pipe'] })

/** Debian packages that the tier needs and that are not here. */
export const missingTools = () =>
  [
    ['qemu-system-x86', '/usr/bin/qemu-system-x86_64'],
    ['kmod', '/usr/sbin/modprobe'],
    ['busybox-static', '/usr/bin/busybox'],
  ].flatMap(([name = '', path = '']) => (existsSync(path) ? [] : [name]))

/** @throws what apt says when the kernel is not to be had. */
export function imageOf(kernel: Kernel): Image {
  const dir = join(cache, kernel.suite)
  if (!existsSync(dir)) {
    const fresh = `${dir}.partial`
    rmSync(fresh, { recursive: true, force: true })
    fetchInto(fresh, kernel.suite)
    renameSync(fresh, dir)
  }
  const [release = ''] = outputOf('ls', [join(dir, 'lib/modules')]).split('\n')
  const image = { release, vmlinuz: join(dir, 'boot', `vmlinuz-${release}`), initramfs: join(dir, 'initramfs') }
  writeInitramfs(image, dir)
  return image
}

/** The package that the suite's linux-image-amd64 stands for, unpacked. */
function fetchInto(dir: string, suite: string): void {
  const apt = join(dir, 'apt')
  mkdirSync(join(apt, 'lists/partial'), { recursive: true })
  writeFileSync(join(apt, 'sources.list'), `deb ${mirror()} ${suite} main\n`)
  const options = [
    `Dir::State::Lists=${apt}/lists`,
    `Dir::Etc::SourceList=${apt}/sources.list`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::Cache=${apt}`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
  ].flatMap((option) => ['-o', option])
  outputOf('apt-get', [...options, '--error-on=any', 'update'])
  const depends = outputOf('apt-cache', [...options, 'depends', 'linux-image-amd64'])
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1] ?? 'linux-image-amd64'
  outputOf('apt-get', [...options, 'download', name], dir)
  const [deb = ''] = outputOf('find', [dir, '-maxdepth', '1', '-name', '*.deb']).split('\n')
  outputOf('dpkg-deb', ['-x', deb, dir])
  // From trixie on /lib is /usr/lib.
  if (!existsSync(join(dir, 'lib'))) renameSync(join(dir, 'usr/lib'), join(dir, 'lib'))
  for (const done of [deb, apt]) rmSync(done, { recursive: true })
  const [release = ''] = outputOf('ls', [join(dir, 'lib/modules')]).split('\n')
  outputOf('depmod', ['-b', dir, release])
}

/** Of the machine's own sources, the one that serves Debian. */
function mirror(): string {
  const known = outputOf('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(ORIGIN) $(LABEL)',
    'Identifier: Packages',
  ])
  const uri = /^(\S+) Debian Debian$/m.exec(known)?.[1]
  if (uri === undefined) throw new Error('apt has no source of Debian on this machine, which kernels could come from')
  return uri
}

/** As small as it can be: busybox, the modules that the root needs in their order, and what mounts it. */
function writeInitramfs({ release, initramfs }: Image, dir: string): void {
  const tree = `${initramfs}.d`
  const modules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'].flatMap((name) =>
    [...outputOf('modprobe', ['-d', dir, '-S', release, '--show-depends', name]).matchAll(/^insmod (\S+)/gm)].flatMap(
      ([, path = '']) => path,
    ),
  )
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(join(tree, 'modules'), { recursive: true })
  copyFileSync('/usr/bin/busybox', join(tree, 'busybox'))
  copyFileSync(join(import.meta.dirname, 'init.sh'), join(tree, 'init'))
  chmodSync(join(tree, 'init'), 0o755)
  const order = [...new Set(modules)].map((path) => basename(path, '.xz'))
  for (const path of new Set(modules)) {
    copyFileSync(path, join(tree, 'modules', basename(path)))
    if (path.endsWith('.xz')) outputOf('xz', ['-d', join(tree, 'modules', basename(path))])
  }
  writeFileSync(join(tree, 'modules/order'), `${order.join('\n')}\n`)
  outputOf('sh', ['-c', `find . | busybox cpio -o -H newc > ../initramfs`], tree)
  rmSync(tree, { recursive: true })
}
