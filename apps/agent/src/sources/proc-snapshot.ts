// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { scrubArguments } from '@sealwatch/base'
import type { ProcessRow } from '../observe/process-table.ts'

const argvBytesMax = 4096

/** Every process that runs now, as /proc shows it; needs root to see the images of others. */
export function readProcesses(): ProcessRow[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(name) ?? [])
}

function readProcess(pid: string): ProcessRow | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may itself hold anything; fields are counted from its last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const cmdline = readFileSync(`/proc/${pid}/cmdline`).subarray(0, argvBytesMax)
    const given = cmdline.toString('utf8').split('\0').slice(0, -1)
    const argv = scrubArguments(given)
    return {
      pid: Number(pid),
      startTicks: BigInt(fields[19] as string),
      exe: readExe(pid),
      argv,
      redacted: argv !== given,
      uid: statSync(`/proc/${pid}`).uid,
    }
  } catch {
    // It has ended since the directory was read.
    return undefined
  }
}

function readExe(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return null
  }
}

/** CLOCK_BOOTTIME in nanoseconds, to 10 ms. */
export function readBootNs(): bigint {
  const [seconds = '0', hundredths = '0'] = (readFileSync('/proc/uptime', 'latin1').split(' ')[0] ?? '').split('.')
  return BigInt(seconds) * 1_000_000_000n + BigInt(hundredths.padEnd(2, '0')) * 10_000_000n
}
