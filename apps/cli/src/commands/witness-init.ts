// SPDX-License-Identifier: Apache-2.0

import { systemDisk } from '@sealwatch/base'
import { initWitness } from '@sealwatch/ledger/witness'
import { command, exit } from '../command.ts'
import { cliError } from '../errors.ts'
import { dataFlag } from '../place.ts'
import { safe, safeJson } from '../terminal.ts'
import { makeWitnessDir, witnessDir } from '../witness/enter.ts'

/** Of a key in a signed note. */
const nameForm = /^[^\s\x85+\p{Cc}\p{Cf}]{1,255}$/u

export const witnessInit = command({
  name: 'witness init',
  summary: 'Make a witness with a key of its own, and print that key',
  about: `A witness cosigns what logs sign, after checking that each tree extends the last one; so nobody can show one
history here and another there. It belongs to somebody else than the log: a tenant, a second site, another organisation.
NAME should be a URL without its scheme, such as witness.example.org/w1. Name and key never change; never restore a
witness from a backup, nor copy it: make a new one.`,
  operands: [{ name: 'NAME', required: true }],
  options: {},
  examples: ['./sealwatch witness init witness.example.org/w1', './sealwatch witness init w1 --data /srv/w1 --json'],
  run: async (_options, [name = ''], { io, place, json }) => {
    if (!nameForm.test(name)) {
      const advice = 'A name has no spaces and no +: witness.example.org/w1'
      throw cliError('CLI_USAGE', { attempted: 'reading the name of the witness', received: name, advice })
    }
    const places = await makeWitnessDir(place, io.uid)
    const { cosigner, created } = await initWitness(systemDisk, places, name)
    const flag = dataFlag(place)
    io.out(
      json
        ? `${safeJson({ name, key: cosigner.vkey, created, data: witnessDir(place) })}\n`
        : `${safe(cosigner.vkey)}\n`,
    )
    if (!json)
      io.err(
        `${created ? 'Made.' : 'It was there already.'} Logs put this key into their policy. Next, with a key of a log:\n` +
          `  ./sealwatch witness add-log --key VKEY${flag}\n  ./sealwatch witness run${flag}\n`,
      )
    return exit.ok
  },
})
