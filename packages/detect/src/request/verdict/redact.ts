// SPDX-License-Identifier: Apache-2.0

/** So much of what a request says is ever told: more would fill reports with what somebody else wrote. */
const shownUnitsMax = 120
const placeUnitsMax = 80
const wordUnitsShown = 1

/** Words of languages that attacks are written in: of nobody's secret. */
const plain = new Set(
  `alert all and any base64 bash bin body cat char chr cmd concat cookie curl declare delete document drop echo else end
  entity etc eval exec false file from ftp function gopher group having html http https if iframe img information insert
  into javascript jndi join like limit load ldap null nslookup onclick onerror onload or order outfile passwd php ping
  powershell print proc process prompt public schema script select self set shell sleep src substr svg system table tables
  then true truncate union update users values version waitfor wget when where while whoami window xml xp`.split(/\s+/),
)

/**
 * Enough of what matched to see what was tried, and not what a person wrote: marks and words of query and script languages as
 * they are, of any other word its first letter, of a number nothing. `text` is latin1.
 */
export const redact = (text: string): string => {
  const shown = text.slice(0, 4 * shownUnitsMax).replace(/[A-Za-z]+|[0-9]+|[^\x20-\x7e]+/g, (run) => redactRun(run))
  return shown.length > shownUnitsMax ? `${shown.slice(0, shownUnitsMax)}…` : shown
}

function redactRun(run: string): string {
  const first = run.charCodeAt(0)
  if (first >= 48 && first <= 57) return '#'
  if (!isLetter(first)) return '·'
  return run.length <= wordUnitsShown || plain.has(run.toLowerCase()) ? run : `${run.slice(0, wordUnitsShown)}…`
}

const isLetter = (unit: number): boolean => (unit | 0x20) >= 97 && (unit | 0x20) <= 122

/** Names of parameters are those of the service, but whoever asks may send any: only what looks like a name is told. */
export function redactPlace(where: string): string {
  const cut = where.indexOf(':')
  const name = where.slice(cut + 1)
  if (cut < 0 || /^[\w.[\]/*-]{0,40}$/.test(name)) return where.slice(0, placeUnitsMax)
  return `${where.slice(0, cut)}:${redact(name)}`.slice(0, placeUnitsMax)
}
