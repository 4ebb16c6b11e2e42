// SPDX-License-Identifier: Apache-2.0

type Response = { readonly step: string; readonly state: string }

/** What became of what was done about an incident, each outcome once: "kill done ×5, rotate queued". The words are a host's own. */
export function responseWords(responses: readonly Response[]): string {
  const times = new Map<string, number>()
  for (const { step, state } of responses) {
    const words = `${step} ${state.replaceAll('_', ' ')}`
    times.set(words, (times.get(words) ?? 0) + 1)
  }
  return [...times].map(([words, count]) => (count === 1 ? words : `${words} ×${count}`)).join(', ') || 'none'
}
