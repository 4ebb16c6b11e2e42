// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets that tell themselves by how they begin. Each row: what they begin with, and what must follow. No row looks
 * back into what it has read, so that a text is read in time proportional to its length, whatever it is.
 */
const forms: readonly (readonly [begin: string, rest: string])[] = [
  ['gh[opsur]_', '[A-Za-z0-9]{30,}'],
  ['github_pat_', '\\w{22,}'],
  ['gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-', '[\\w.-]{20,}'],
  ['xox[abeoprs]-', '[\\w-]{10,}'],
  ['xapp-', '[\\w-]{20,}'],
  ['(?:AKIA|ASIA|ABIA|ACCA)', '[A-Z0-9]{16}(?![A-Za-z0-9])'],
  ['(?:sk|rk|whsec)_(?:live|test)_', '[A-Za-z0-9]{10,}'],
  ['sk-(?:ant-|proj-)?', '[\\w-]{32,}'],
  ['npm_', '[A-Za-z0-9]{30,}'],
  ['pypi-', '[\\w-]{50,}'],
  ['SG\\.', '[\\w-]{16,}\\.[\\w-]{16,}'],
  ['AIza', '[\\w-]{30,}'],
  ['ya29\\.', '[\\w-]{20,}'],
  ['GOCSPX-', '[\\w-]{20,}'],
  ['do[opr]_v1_', '[0-9a-f]{32,}'],
  ['dckr_pat_', '[\\w-]{20,}'],
  ['hf_', '[A-Za-z0-9]{30,}'],
  ['hv[bs]\\.', '[\\w-]{20,}'],
  ['shp(?:at|ca|pa|ss)_', '[0-9a-fA-F]{32}'],
  ['AGE-SECRET-KEY-1', '[A-Z0-9]{40,}'],
  ['eyJ', '[\\w-]{8,}\\.[\\w-]{8,}(?:\\.[\\w-]*)?'],
  // Our own join tokens.
  ['swj_', '[\\w-]{16,}(?:\\.[0-9a-f]+)?'],
  ['swt_', '[\\w-]{16,}'],
  // crypt(5): what stands in /etc/shadow.
  ['\\$(?:[1567]|2[abxy]?|y|gy|argon2i?d?)\\$', '[\\w./=,+-]{1,64}\\$[\\w./$=,+]{16,}'],
]

const beginning = forms.map(([begin]) => begin).join('|')
const form = new RegExp(`(?:${forms.map(([begin, rest]) => `${begin}${rest}`).join('|')})`, 'y')
const privateKey = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/y

/** What may begin a secret; within a word it does not. */
export const formBegins = `-----BEGIN |${beginning}`

/** Where the secret that begins at `at` ends; undefined when none does. */
export function formEnd(text: string, at: number): number | undefined {
  privateKey.lastIndex = at
  if (privateKey.test(text)) {
    const end = text.indexOf('-----END ', privateKey.lastIndex)
    const close = end < 0 ? -1 : text.indexOf('-----', end + 9)
    return close < 0 ? text.length : close + 5
  }
  form.lastIndex = at
  return form.test(text) ? form.lastIndex : undefined
}
