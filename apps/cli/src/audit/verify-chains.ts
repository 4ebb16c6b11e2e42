// SPDX-License-Identifier: Apache-2.0

import { createPublicKey } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isSealwatchError } from '@sealwatch/base'
import { type ChainFilesReport, verifyChainDirectory } from '@sealwatch/ledger'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { readSmallFile } from '../small-file.ts'
import { counted, paint, safe } from '../terminal.ts'

export type ChainsReport = {
  readonly kind: 'chains'
  readonly ok: boolean
  readonly chains: readonly (ChainFilesReport & { readonly directory: string })[]
}

/** The second key and the cursor come after the first lines: where those are gone, a chain was. */
const chainFile = /^(?:\d{16}\.ndjson|epoch-1\.key$|shipped\.json$)/
const keyBytesMax = 16 * 1024

/** The chains under a data directory, those of its agent and its signing proxy; in the folder of either; or the very one. */
export function chainsUnder(path: string): string[] {
  if (holdsChain(path)) return [path]
  const homes = ['agent/chains', 'signing-proxy/chains', 'chains', ...(basename(path) === 'chains' ? [''] : [])]
  return homes
    .map((home) => join(path, home))
    .filter((home) => filesIn(home).some((name) => holdsChain(join(home, name))))
    .flatMap((home) => filesIn(home).map((name) => join(home, name)))
}

const holdsChain = (dir: string) => filesIn(dir).some((name) => chainFile.test(name))

function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

export async function verifyChainsIn(dirs: readonly string[]): Promise<ChainsReport> {
  const chains: ChainsReport['chains'][number][] = []
  for (const directory of dirs) {
    if (!holdsChain(directory)) continue
    const hostKey = hostKeyBeside(directory)
    // One that was set aside is called <tenant>.damaged-<time>. As long as the evidence lies there, it is told.
    const checks = {
      tenant: basename(directory).split('.')[0] as string,
      ...(hostKey === undefined ? {} : { hostKey }),
    }
    try {
      chains.push({ directory, ...(await verifyChainDirectory(directory, checks)) })
    } catch (cause) {
      if (!isSealwatchError(cause, 'DISK_READ_ONLY')) throw cause
      throw cliError('CLI_NEEDS_ROOT', { attempted: `verifying ${directory}`, received: cause.received, cause })
    }
  }
  return { kind: 'chains', ok: chains.every(({ ok }) => ok), chains }
}

/** The host's public key, as the agent leaves it in its data directory. The private one beside it is none of our business. */
function hostKeyBeside(directory: string): Uint8Array | undefined {
  const path = join(dirname(dirname(directory)), 'host.pub')
  if (!existsSync(path)) return undefined
  try {
    const spki = createPublicKey(readSmallFile(path, keyBytesMax)).export({ type: 'spki', format: 'der' })
    return new Uint8Array(spki.subarray(-32))
  } catch {
    return undefined
  }
}

export function renderChains({ chains }: ChainsReport, io: Io): string {
  return chains
    .map(({ problem, tenant, directory, lines, files, epochs, acknowledged, end }) => {
      const who = `chain of ${tenant ?? basename(directory)}`
      if (problem !== undefined) {
        const line = problem.fileLine === undefined ? '' : ` line ${problem.fileLine}`
        return `  ${paint(io, 'red', '✗')} ${safe(who)}, ${safe(problem.file)}${line}: ${safe(problem.message, 2000)}\n`
      }
      const parts = [
        `${counted(lines, 'line')} in ${counted(files, 'file')}`,
        `sealed for good before ${epochs.sealedBefore}`,
        `acknowledged before ${acknowledged.nextSeq}`,
        ...(end === 'matches' ? ['ends where its key says'] : []),
      ]
      return `  ${paint(io, 'green', '✓')} ${safe(who)}: ${parts.join(', ')}\n`
    })
    .join('')
}
