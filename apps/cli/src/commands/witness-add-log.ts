// SPDX-License-Identifier: Apache-2.0

import { systemDisk, takeLock } from '@sealwatch/base'
import { parseVkey, sha256 } from '@sealwatch/ledger'
import { addLog, openCosigner, witnessLimits } from '@sealwatch/ledger/witness'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { safe, safeJson } from '../terminal.ts'
import { enterWitness } from '../witness/enter.ts'

const lockWaitMs = 10_000

export const witnessAddLog = command({
  name: 'witness add-log',
  summary: 'Have the witness cosign a log, or know a further key of it',
  about: `Take the key from whoever runs the log, by a way you trust. ORIGIN is the first line of the log's checkpoints; left
out, it is the name of the key, as it is for Sealwatch. A witness that runs knows the log within a second or two. Keys are
never taken away: a log whose key was stolen goes on under another origin.`,
  operands: [{ name: 'ORIGIN', required: false }],
  options: { key: text({ takes: 'VKEY,…', help: 'Keys of the log (name+hash+base64)' }) },
  examples: [
    './sealwatch witness add-log --key sealwatch-1a2b3c4d/root+0123abcd+AY…',
    './sealwatch witness add-log example.org/log --key VKEY,VKEY --json',
  ],
  run: async ({ key }, [given], { io, place, json }) => {
    const attempted = 'adding a log'
    const vkeys = (key ?? '').split(',').filter((vkey) => vkey !== '')
    if (vkeys.length === 0) throw cliError('CLI_USAGE', { attempted, advice: 'Name a key of the log: --key VKEY' })
    const origin = given ?? vkeys.map((vkey) => parseVkey(sha256, vkey).name)[0] ?? ''
    if (origin === '' || origin.length > witnessLimits.originChars || /[\p{Cc}\p{Cs}]/u.test(origin))
      throw cliError('CLI_USAGE', { attempted, received: origin, advice: 'An origin is one line of text' })
    const places = enterWitness(place)
    await openCosigner(systemDisk, places)
    const lock = await takeLock(places.adminLock, lockWaitMs)
    if (lock === undefined)
      throw cliError('CLI_ALREADY_RUNNING', { attempted, advice: 'Another add-log is at work: try again' })
    const { log, created } = await addLog(systemDisk, places, origin, vkeys).finally(() => lock.release())
    io.out(
      json
        ? `${safeJson({ origin, keys: log.vkeys, created })}\n`
        : `${safe(origin)}: ${created ? 'added' : 'known'}, with ${log.vkeys.length} ${log.vkeys.length === 1 ? 'key' : 'keys'}\n`,
    )
    return exit.ok
  },
})
