// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '../errors.ts'

export const hardeningErrors = {
  ENVIRONMENT_FOREIGN: {
    kind: 'denied',
    rule: 'no variable of the environment loads code into Node, opens it, or weakens what it checks',
    advice: 'Start it without: env -u NAME, or by ./sealwatch, which takes them away',
  },
  DEBUGGER_OPEN: {
    kind: 'denied',
    rule: 'nothing that holds keys runs with a debugger open',
    advice: 'Start it without --inspect; if nobody asked for that, somebody sent SIGUSR1: find out who',
  },
} as const satisfies ErrorTable
export const hardeningError = errorsOf(hardeningErrors)

/** Of Node's own: what says where it runs, where compiled code is kept and which authorities it trusts; and what its test runner marks children with. */
const known = new Set([
  'NODE_ENV',
  'NODE_COMPILE_CACHE',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_SYSTEM_CA',
  'NODE_TEST_CONTEXT',
  'NODE_TEST_WORKER_ID',
])
const ofLibraries = ['LD_PRELOAD', 'LD_AUDIT', 'LD_LIBRARY_PATH', 'OPENSSL_CONF', 'OPENSSL_ENGINES', 'OPENSSL_MODULES']

/**
 * Throws ENVIRONMENT_FOREIGN, which names each. By then what they load has run: whoever starts a program takes them away, and
 * this shows that somebody did not.
 */
export function refuseForeignEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  const isForeign = (name: string) => (name.startsWith('NODE_') ? !known.has(name) : ofLibraries.includes(name))
  const foreign = Object.keys(env).filter(isForeign)
  if (foreign.length > 0)
    throw hardeningError('ENVIRONMENT_FOREIGN', { attempted: 'starting', received: foreign.toSorted().join(', ') })
}
