// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const collectErrors = {
  MANIFEST_NO_ROOT: {
    kind: 'denied',
    rule: 'a critical change needs signatures, and a trust root says whose (docs/manifests.md)',
    advice: 'Install one: sudo ./sealwatch manifest root init --help',
  },
  TRUST_ROOT_INSTALLED: {
    kind: 'conflict',
    rule: 'a deployment begins with one trust root; later ones follow it by their signatures (trust-root.md, 6)',
    advice:
      'Make the next version of the one that counts: `sealwatch manifest root show`, then `root init --after FILE`',
  },
  MANIFEST_REQUIRED: {
    kind: 'denied',
    rule: 'this change is made with a manifest that enough people have signed (manifest.md, 1)',
    advice: 'Make one, have it signed, and hand in the signatures: `sealwatch manifest create --help`',
  },
  MANIFEST_UNKNOWN: {
    kind: 'not_found',
    rule: 'the manifest was opened on this server',
    advice: '`sealwatch manifest show` lists them; `sealwatch manifest collect FILE --send` opens one',
  },
  MANIFEST_SIGNATURE: {
    kind: 'unverified',
    rule: 'a signature is by a key of the role critical of the trust root, and holds (trust-root.md, 3)',
    advice: 'Sign the file itself with one of its keys: `sealwatch manifest sign FILE`',
  },
  MANIFEST_TOO_MANY: {
    kind: 'exhausted',
    rule: 'at most 100 manifests wait for signatures',
    advice: 'Apply those that are complete, or wait until some expire',
  },
  MANIFEST_TAKEN_BY_CHANGE: {
    kind: 'invalid',
    rule: 'what is applied by itself is an upgrade or a rollback, which somebody then makes by hand (manifest.md, 5)',
    advice: 'Ask for the change itself with its own command: it takes the manifest that agrees to it',
  },
} as const satisfies ErrorTable
export const collectError = errorsOf(collectErrors)
