// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises'
import { hostname, release } from 'node:os'

/** What the server shows of this machine; it decides nothing by it. */
export type HostFacts = {
  readonly hostname: string
  readonly machineId: string
  readonly bootId: string
  readonly kernel: string
  readonly os: string
}

/** Minimal images lack some of the files; the server wants every fact, so an absent one reads `unknown`. */
export async function readHostFacts(): Promise<HostFacts> {
  const line = (path: string) =>
    readFile(path, 'utf8').then(
      (text) => text.trim() || 'unknown',
      () => 'unknown',
    )
  const osRelease = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return {
    hostname: hostname(),
    machineId: await line('/etc/machine-id'),
    bootId: await line('/proc/sys/kernel/random/boot_id'),
    kernel: release(),
    os: /^PRETTY_NAME="?([^"\n]+)/m.exec(osRelease)?.[1] ?? 'unknown',
  }
}
