// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, errorsOf, isSealwatchError, systemDisk } from '@sealwatch/base'
import { signerOfKept, verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import { type ChainFilesReport, chainFilesErrors, createChainFilesVerifier } from '../verify/chain-files.ts'
import { lineErrors } from '../verify/line.ts'
import { epochKeyFile } from './epoch-keys.ts'
import { chainFilesIn, readChainFile } from './rotated.ts'

const chainFilesError = errorsOf(chainFilesErrors)
const lineError = errorsOf(lineErrors)

export type DirectoryChecks = {
  /** Raw public key of the host; without it heads are checked against the keys of their epochs alone. */
  readonly hostKey?: Uint8Array
  /** What the chain must be of: the directory's name, usually. */
  readonly tenant?: string
  readonly disk?: Disk
  readonly onBytes?: (bytes: number) => void
  /** A copy of the files alone, without the keys of the epochs: where it ends cannot be checked then. */
  readonly withoutKeys?: boolean
}

/** While an agent writes on, its epochs move on between the look at the lines and that at the keys. */
const triesMax = 5

/**
 * Verifies the directory of a host's chain, file by file, with what logrotate made of them: every line, every anchor,
 * every head, and that it ends where the key of its epoch says. Never throws for what the files hold: the first thing
 * that is wrong stands in the report. Throws DISK_READ_ONLY where the files may not be read.
 */
export async function verifyChainDirectory(dir: string, checks: DirectoryChecks = {}): Promise<ChainFilesReport> {
  const { disk = systemDisk } = checks
  for (let attempt = 1; ; attempt += 1) {
    const before = await disk.list(dir)
    const report = await verifyOnce(dir, before, checks)
    const hasMoved = report.problem?.code === 'CHAIN_CUT' && report.end === 'differs' && attempt < triesMax
    if (!hasMoved) return report
  }
}

async function verifyOnce(dir: string, names: readonly string[], checks: DirectoryChecks): Promise<ChainFilesReport> {
  const { disk = systemDisk, hostKey, tenant } = checks
  const verifier = createChainFilesVerifier({
    sha256,
    verify: verifyEd25519,
    ...(hostKey && { hostKey }),
    ...(tenant !== undefined && { tenant }),
  })
  try {
    const files = chainFilesIn(names)
    if (files.length === 0)
      throw chainFilesError('CHAIN_CUT', { attempted: `verifying the chain in ${dir}`, received: 'no file of a chain' })
    for (const [i, file] of files.entries()) {
      const bytes = await readChainFile(disk, dir, file)
      verifier.file(file.file)
      takeLines(verifier, bytes, i === files.length - 1)
      checks.onBytes?.(bytes.length)
    }
    verifier.end(checks.withoutKeys === true ? undefined : await epochKeysIn(dir, disk))
    return verifier.report()
  } catch (error) {
    if (!isSealwatchError(error) || error.code.startsWith('DISK_')) throw error
    return verifier.report(error)
  }
}

function takeLines(verifier: { line(bytes: Uint8Array): void }, bytes: Uint8Array, isNewest: boolean): void {
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, from)
    // In the newest file an append may be under way, or was cut short: nothing of it was reported as sealed.
    if (isNewest && (newline < 0 || bytes.subarray(from, newline).includes(0))) return
    if (newline < 0)
      throw lineError('LINE_MALFORMED', { attempted: 'verifying a chain', received: 'a last line without its newline' })
    verifier.line(bytes.subarray(from, newline))
    from = newline + 1
  }
}

/** Public halves of the keys that lie beside the files. */
async function epochKeysIn(dir: string, disk: Disk): Promise<string[]> {
  const keys: string[] = []
  for (const number of [0, 1]) {
    const kept = await disk.read(join(dir, epochKeyFile(number)))
    const signer = kept && signerOfKept(kept)
    kept?.fill(0)
    if (signer !== undefined) keys.push(signer.publicKey.toHex())
  }
  return keys
}
