// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const fleetErrors = {
  GROUP_UNKNOWN: {
    kind: 'not_found',
    rule: 'the tenant has a group of hosts of that name, and of it a version that is kept',
    advice: 'See `sealwatch host config list` and `sealwatch host config history GROUP`',
  },
  GROUP_CONFIG_INVALID: {
    kind: 'invalid',
    rule: 'the configuration of a group is what docs/formats/host-config.md says',
    advice: 'Correct what is named; `sealwatch host config get GROUP` shows one to start from',
  },
  GROUP_CHANGED_MEANWHILE: {
    kind: 'conflict',
    rule: 'a change is made to the version that it was made from',
    advice: 'Read it again (`sealwatch host config get GROUP`), and make the change to that',
  },
  GROUPS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 256 groups of hosts, and a host is in at most 16',
    advice: 'Use a group again that no host is in',
  },
  ALLOWANCE_INVALID: {
    kind: 'invalid',
    rule: 'an allowance names a program by its absolute path, an account or both, and ends within seven days',
    advice: 'Correct what is named: docs/formats/host-config.md, 6.3',
  },
  ALLOWANCE_UNKNOWN: {
    kind: 'not_found',
    rule: 'the tenant has an allowance of that id which is not over',
    advice: 'See `sealwatch guard allowances`',
  },
  ALLOWANCES_TOO_MANY: {
    kind: 'exhausted',
    rule: 'the guard of a group of hosts lets at most 16 at once',
    advice: 'End some that are not needed any more: `sealwatch guard disallow ID`',
  },
  HOST_CONFIG_TOO_LARGE: {
    kind: 'exhausted',
    rule: 'what a host is told, with the policies of its tenant, has at most 768 KiB',
    advice: 'Switch policies off that no host needs, or make them smaller (`sealwatch policy list`)',
  },
} as const satisfies ErrorTable

export const fleetError = errorsOf(fleetErrors)
