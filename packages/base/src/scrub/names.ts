// SPDX-License-Identifier: Apache-2.0

/** What stands behind a name: a secret `always`, or only if the value looks `random`: a key may be a path or an index. */
export type Secrecy = 'always' | 'random'

const always =
  /(?:password|passwd|passphrase|passcode|passwort|pwd|secret|token|api-?key|auth-?key|secretkey|privatekey|accesskey|credentials?|psk|cookie|authorization|bearer|jwt)$/
const passes =
  /^(?:|app|auth|bind|db|ftp|http|key|ldap|mail|my|mysql|pg|proxy|rdp|require|root|rsync|smb|smtp|snmp|sql|ssh|store|sudo|user|vnc|vpn|wifi)pass$/
const alwaysWhole = new Set(['pin', 'pat', 'otp', 'totp'])
const random = new Set([
  'key',
  'auth',
  'sig',
  'signature',
  'code',
  'session',
  'sessionid',
  'sid',
  'hmac',
  'seed',
  'mnemonic',
])
/** With one of these before it a key is a secret; with any other it may be a file, a name or an id. */
const kindsOfKey = new Set(
  'access account admin api app auth deploy encryption hmac license master private root secret service session shared signing storage subscription webhook'.split(
    ' ',
  ),
)
/** With one of these it is for everybody to see, or no key of a lock. */
const openKeys = new Set(
  'cache foreign gpg host log partition peer pinned primary pub public sort ssh trusted verify'.split(' '),
)
/** The shell's own, in every environment. */
const harmless = new Set(['PWD', 'OLDPWD'])
const nameUnitsMax = 100

/** By its last word a name says what its value is: `MYSQL_ROOT_PASSWORD` is one, `password-file` names a file. */
export function secrecyOf(name: string): Secrecy | undefined {
  if (harmless.has(name) || name.length > nameUnitsMax) return undefined
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean)
  const [last = '', before = ''] = words.toReversed()
  // A library, by its package.
  if (last.startsWith('lib')) return undefined
  if (always.test(last) || passes.test(last) || alwaysWhole.has(last)) return 'always'
  if (last === 'key' && openKeys.has(before)) return undefined
  if (last === 'key' && kindsOfKey.has(before)) return 'always'
  if ((last === 'hash' || last === 'base') && words.length > 1) return secrecyOf(words.slice(0, -1).join('-'))
  return random.has(last) ? 'random' : undefined
}

/** A value behind a password's name is a secret even where white space or a colon stands between; `passwd:` is a file's. */
export const namesPassword = (name: string): boolean => /(?:password|passphrase|passcode|pwd)$/i.test(name)

export const namesHeader = (name: string): boolean => namesPassword(name) || /^x-|-(?:key|token|secret)$/i.test(name)

/** What stands in the place of a secret. It says nothing of it: not its length, not whether it is the one of before. */
export const redacted = '[redacted]'

/** `argument`: one whole argument, as the kernel gave it to a program. `prose`: all else, shell text included. */
export type TextKind = 'argument' | 'prose'

/** References to where a secret is kept; variables are references only before a shell has been over the text. */
const references = /^(?:(?:file|fd|env):|(?:id|type)=|\{\{|%\()/
const variable = /^\$[A-Za-z_({]/
/** Words that say that there is none, or how it is got. */
const answers = /^(?:true|false|yes|no|none|null|nil|undefined|on|off|prompt|stdin|env|auto|\[redacted\]|\*+)$/i
const placeholders =
  /^(?:<[\w .-]{0,40}>|[x.?-]+|%s|string|str|password|passwd|secret|token|required|optional|default)$/i
const paths = /^(?:\.{1,2}|~|\/(?:bin|boot|dev|etc|home|lib|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var))\//
const leastUnits = 3

/** Is the value behind a secret's name one? */
export function isSecretValue(value: string, secrecy: Secrecy, kind: TextKind): boolean {
  if (value.length < leastUnits || answers.test(value) || paths.test(value) || references.test(value)) return false
  if (kind === 'prose' && (variable.test(value) || placeholders.test(value))) return false
  return secrecy === 'always' || looksRandom(value)
}

/** Letters and digits as chance would mix them. Judged by the first 128 units. */
export function looksRandom(value: string): boolean {
  if (value.length < 12 || !/^[\w+/=.~%:-]+$/.test(value.slice(0, 128))) return false
  const head = value.slice(0, 128)
  if (!/\d/.test(head) || !/[A-Za-z]/.test(head)) return false
  const counts = new Map<string, number>()
  for (const unit of head) counts.set(unit, (counts.get(unit) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / head.length) * Math.log2(count / head.length)
  return bits >= 3
}
