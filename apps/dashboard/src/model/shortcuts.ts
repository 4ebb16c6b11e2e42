// SPDX-License-Identifier: Apache-2.0

export type Command = { readonly go: string } | { readonly act: Act }
export type Act = 'help' | 'search' | 'tenant' | 'theme' | 'down' | 'up' | 'close'

/** Keys that mean something by themselves, and what they are for. */
export const keys: readonly {
  readonly key: string
  readonly shown: string
  readonly act: Act
  readonly does: string
}[] = [
  { key: '?', shown: '?', act: 'help', does: 'This help' },
  { key: '/', shown: '/', act: 'search', does: 'Go to the search of the page' },
  { key: 'j', shown: 'j', act: 'down', does: 'Next in the list' },
  { key: 'k', shown: 'k', act: 'up', does: 'The one before' },
  { key: 'Escape', shown: 'Esc', act: 'close', does: 'Close what is open' },
  { key: 't', shown: 't', act: 'tenant', does: 'Switch the tenant' },
  { key: 'd', shown: 'd', act: 'theme', does: 'Dark, light, or as the system' },
]

export type Leads = ReadonlyMap<string, string>

/** What a key means after those before it; `pending` is what to remember until the next one. */
export function commandOf(
  pending: string,
  key: string,
  leads: Leads,
): { readonly pending: string; readonly command: Command | undefined } {
  if (pending === 'g') {
    const to = leads.get(key)
    return { pending: '', command: to === undefined ? undefined : { go: to } }
  }
  if (key === 'g') return { pending: 'g', command: undefined }
  const row = keys.find((one) => one.key === key)
  return { pending: '', command: row === undefined ? undefined : { act: row.act } }
}
