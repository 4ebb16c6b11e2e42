// SPDX-License-Identifier: Apache-2.0
// By which names a listener without TLS and without log-in may be asked. A page of elsewhere may have its own name resolved
// to this machine, and would then read as ours what its reader's browser reaches (DNS rebinding).

import { isIP } from 'node:net'
import { optional, type Setting } from '../config.ts'

const nameForm = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i
const namesMax = 64
const hostForm = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i

const namesIn = (text: string) => text.split(',').map((name) => name.trim().toLowerCase())

export const healthHosts = (env: string): Setting<string> => ({
  ...optional({
    env,
    help: 'Host names, with commas between, by which /healthz, /readyz and /metrics may be asked, besides localhost, the address set and addresses in digits',
  }),
  parse: (value) => {
    const names = namesIn(value)
    const isGood = value === '' || (names.length <= namesMax && names.every((name) => nameForm.test(name)))
    return isGood ? { value } : { mustBe: `at most ${namesMax} host names with commas between, without ports` }
  },
})

/** Whether the header Host asks for us. `names`: as healthHosts gives them, and the address that is listened on. */
export function createHostCheck(address: string, names = ''): (host: string | undefined) => boolean {
  const ours = new Set(['localhost', address.toLowerCase(), ...namesIn(names)])
  return (host) => {
    // HTTP/1.0, which no browser speaks; node refuses 1.1 without it.
    if (host === undefined) return true
    const asked = hostForm
      .exec(host)?.[1]
      ?.replace(/^\[|\]$/g, '')
      .toLowerCase()
    // Nobody's name resolves to digits, and a page of another address stays a page of that address.
    return asked !== undefined && asked !== '' && (isIP(asked) !== 0 || ours.has(asked))
  }
}
