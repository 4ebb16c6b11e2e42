// SPDX-License-Identifier: Apache-2.0

import { withAdmin } from '../admin.ts'
import { withApi } from '../api.ts'
import { command, exit, flag } from '../command.ts'
import { cliError } from '../errors.ts'
import { counted, safe, safeJson } from '../terminal.ts'
import { tenantOption } from './tenant-option.ts'

const yes = flag('Do it: there is no way back')
const mustMean = 'Nothing was done. What is erased cannot be read again by anybody: give --yes if that is meant'

export const eraseSubject = command({
  name: 'erase subject',
  summary: 'Destroy the keys of a person, whose values then stay unreadable',
  about:
    'The account name is read from the standard input, for what stands on a command line is seen by others and recorded.\n' +
    'Every proof stays valid. The erasure is recorded in the ledger of the tenant cluster, under a pseudonym.\n' +
    'A name inside a path or an argument (that of a home directory) is part of the event and stays (docs/threat-model.md).\n' +
    'Where nothing was sealed for the name, the exit code is 1.',
  options: {
    tenant: tenantOption('Tenant of the person'),
    uid: flag('The input is HOST-ID/USER-ID: an account that no event gives a name'),
    yes,
  },
  examples: [
    'printf alice | sudo ./sealwatch erase subject --yes',
    'sudo ./sealwatch erase subject --tenant acme --yes',
  ],
  run: async ({ tenant = 'default', uid, yes: isMeant }, _operands, { io, place, json }) => {
    const attempted = 'erasing a person'
    if (!isMeant) throw cliError('CLI_USAGE', { attempted, advice: mustMean })
    const given = await io.readLine(uid ? 'Host id/user id: ' : 'Account name: ')
    if (given === '')
      throw cliError('CLI_USAGE', { attempted, received: 'no name', advice: 'Give the name on the standard input' })
    const subject = uid ? { case: 'uid' as const, value: given } : { case: 'name' as const, value: given }
    const answer = await withAdmin(place, attempted, (admin) =>
      admin.eraseSubject({ tenant, subject }, { signal: io.stop }),
    )
    const { label, subjectKeys, firstLayout } = answer
    const leaf = Number(answer.leafIndex)
    io.out(
      json
        ? `${safeJson({ tenant, label, keys: subjectKeys, ledger: 'cluster', leaf, first_layout: firstLayout })}\n`
        : `${counted(subjectKeys, 'key')} destroyed, recorded as ${safe(label)} at leaf ${leaf} of the tenant cluster.\n`,
    )
    if (!json && subjectKeys === 0) io.err('Nothing was sealed for that name. Is it spelt as the hosts spell it?\n')
    if (!json && firstLayout)
      io.err('Values sealed before there were keys of persons are erased with the tenant only (sealing.md, 6.2).\n')
    return subjectKeys === 0 ? exit.finding : exit.ok
  },
})

export const eraseTenant = command({
  name: 'erase tenant',
  summary: 'Erase a tenant for good: its hosts, keys and data',
  about:
    'Its hosts are revoked, its keys destroyed, and its ledger, index and quarantined bytes removed. What the root ledger\n' +
    'says of it stays, and what was exported before stays provable. Its name is not given again.',
  operands: [{ name: 'NAME', required: true }],
  options: { yes },
  examples: ['sudo ./sealwatch erase tenant acme --yes'],
  run: async ({ yes: isMeant }, [tenant = ''], { io, place, json }) => {
    const attempted = `erasing the tenant ${tenant}`
    if (!isMeant) throw cliError('CLI_USAGE', { attempted, advice: mustMean })
    const { keys, ledger } = await withApi({ io, place, server: undefined, tenant: undefined }, attempted, (api) =>
      api.call('eraseTenant', { params: { tenant_name: tenant } }),
    )
    const leaf = ledger?.leaf_index ?? null
    const where = leaf === null ? 'as an earlier order says' : `recorded at leaf ${leaf} of the tenant cluster`
    io.out(
      json
        ? `${safeJson({ tenant, keys, ledger: 'cluster', leaf })}\n`
        : `${safe(tenant)} is erased: ${keys === 0 ? 'it had no keys' : `${counted(keys, 'key')} destroyed`}, its data removed, ${where}.\n`,
    )
    return exit.ok
  },
})
