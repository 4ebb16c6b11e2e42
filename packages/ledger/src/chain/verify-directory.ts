// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, errorsOf, isSealwatchError, systemDisk } from '@sealwatch/base'
import { signerOfKept, verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import { isTorn } from '../torn.ts'
import {
  type ChainFilesReport,
  type ChainFilesVerifier,
  chainFilesErrors,
  createChainFilesVerifier,
} from '../verify/chain-files.ts'
import { lineErrors } from '../verify/line.ts'
import { epochKeyFile, hasSecondPlace } from './epoch-keys.ts'
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

/** While an agent writes on, epochs end between the look at the lines and that at the keys: then the rest is read, too. */
const roundsMax = 20

/**
 * Verifies the directory of a host's chain, file by file, with what logrotate made of them: every line, every anchor,
 * every head, and that it ends where the key of its epoch says. Never throws for what the files hold: the first thing
 * that is wrong stands in the report. Throws DISK_READ_ONLY where the files may not be read.
 */
export async function verifyChainDirectory(dir: string, checks: DirectoryChecks = {}): Promise<ChainFilesReport> {
  const { disk = systemDisk, hostKey, tenant, withoutKeys = false } = checks
  const verifier = createChainFilesVerifier({
    sha256,
    verify: verifyEd25519,
    ...(hostKey && { hostKey }),
    ...(tenant !== undefined && { tenant }),
  })
  const keys = async () => (withoutKeys ? undefined : await epochKeysIn(dir, disk))
  let read: Read = { file: '', bytes: 0 }
  try {
    for (let round = 1; ; round += 1) {
      const before = await keys()
      const from = read
      read = await readOn(dir, from, verifier, checks)
      const isLast = round === roundsMax || (round > 1 && read.file === from.file && read.bytes === from.bytes)
      try {
        // Either counts: the key of the last epoch that was read may have been destroyed by now.
        const after = await keys()
        verifier.end(before && after && [...before, ...after], !withoutKeys && (await hasSecondPlace(dir, disk)))
        return verifier.report()
      } catch (error) {
        if (isLast || !isSealwatchError(error, 'CHAIN_CUT')) throw error
      }
    }
  } catch (error) {
    if (!isSealwatchError(error) || error.code.startsWith('DISK_')) throw error
    return verifier.report(error)
  }
}

/** How far the newest file was read. */
type Read = { readonly file: string; readonly bytes: number }

async function readOn(
  dir: string,
  from: Read,
  verifier: ChainFilesVerifier,
  { disk = systemDisk, onBytes }: DirectoryChecks,
): Promise<Read> {
  const files = chainFilesIn(await disk.list(dir)).filter(({ file }) => file >= from.file)
  let read = from
  for (const [i, file] of files.entries()) {
    const bytes = await readChainFile(disk, dir, file)
    const isBegun = file.file === from.file
    if (!isBegun) verifier.file(file.file)
    const start = isBegun ? from.bytes : 0
    read = { file: file.file, bytes: takeLines(verifier, bytes, start, i === files.length - 1) }
    onBytes?.(bytes.length - start)
  }
  if (read.file === '')
    throw chainFilesError('CHAIN_CUT', { attempted: `verifying the chain in ${dir}`, received: 'no file of a chain' })
  return read
}

/** Returns the byte behind the last whole line. */
function takeLines(verifier: ChainFilesVerifier, bytes: Uint8Array, start: number, isNewest: boolean): number {
  let from = start
  while (from < bytes.length) {
    const newline = bytes.indexOf(0x0a, from)
    // In the newest file an append may be under way, or was cut short: nothing of it was reported as sealed.
    if (isNewest && isTorn(bytes, from, newline)) break
    if (newline < 0)
      throw lineError('LINE_MALFORMED', { attempted: 'verifying a chain', received: 'a last line without its newline' })
    verifier.line(bytes.subarray(from, newline))
    from = newline + 1
  }
  return from
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
