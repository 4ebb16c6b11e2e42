// SPDX-License-Identifier: Apache-2.0
// Key files of what is protected, and who may read them (docs/formats/host-config.md, 6.2).

import type { KeyReader, ProtectedEntry } from '@sealwatch/contract/guard-config'
import type { Task } from '../sources/observation.ts'

export type KeyFile = {
  /** A file, or a folder: the files directly in it. */
  readonly path: string
  /** Names of which one is that of what it belongs to. */
  readonly of: readonly string[]
  /** Besides what it belongs to. */
  readonly may: readonly KeyReader[]
}

export const keyFilesOf = (entries: readonly ProtectedEntry[]): readonly KeyFile[] =>
  entries.flatMap(({ name, keys = [], exe }) =>
    keys.map(({ path, may = [] }) => ({ path, of: [name], may: exe === undefined ? may : [...may, { exe }] })),
  )

/** Parts of Sealwatch open their keys after they have become their own user; systemd hands the guard the host's. */
const managers: readonly KeyReader[] = ['systemd', 'systemd-executor'].map((name) => ({
  exe: `/usr/lib/systemd/${name}`,
  uid: 0,
}))

/** Those of Sealwatch itself. `data`: the folder in which its parts have theirs. */
export const ownKeyFiles = (data: string, uids: Readonly<Record<'server' | 'agent', number>>): readonly KeyFile[] => [
  { path: `${data}/server/keys`, of: ['server', 'sealwatch-server'], may: [{ uid: uids.server }] },
  { path: `${data}/agent/host.key`, of: ['sealwatch-agent'], may: [{ uid: uids.agent }, ...managers] },
  { path: `${data}/agent/identity.pem`, of: ['sealwatch-agent'], may: [{ uid: uids.agent }] },
]

/** `hostMntNs`: a path means something in the machine's own mount namespace alone; elsewhere anybody may have given it to a program of theirs. */
export const mayRead = ({ may }: KeyFile, { exe, uid, euid, mntNs }: Task, hostMntNs: number): boolean =>
  may.some(
    (one) =>
      (one.exe === undefined || (one.exe === exe && mntNs === hostMntNs)) &&
      (one.uid === undefined || (one.uid === uid && one.uid === euid)),
  )
