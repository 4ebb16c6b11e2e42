// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { SignerChoice, SignerPlan } from './choose.ts'
import { pathIn } from './material.ts'

/** Files that signers use: `read` once, at the start; `files` again and again, and they may be replaced. */
export type SignerPlaces = { readonly read: readonly string[]; readonly files: readonly string[] }

/** Where AWS's client looks, unless it is told otherwise. */
const awsFiles = ['.aws/config', '.aws/credentials', '.aws/sso/cache/token']
const awsVariables = [
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
]

/** What a program must be able to open to sign as `plan` says, and to reach AWS; a text where nobody can know it. */
export function signerPlaces(
  plan: SignerPlan,
  env: Readonly<Record<string, string | undefined>>,
): SignerPlaces | string {
  const choices = [plan.active, plan.standby].filter((choice) => choice !== undefined)
  if (choices.some(({ backend }) => backend === 'pkcs11'))
    return 'a PKCS#11 module opens what its maker chose; a signing proxy can hold it in place of the server'
  const home = env.HOME
  return {
    read: choices.flatMap(readOnce),
    files: [
      ...(home === undefined ? [] : awsFiles.map((file) => join(home, file))),
      ...awsVariables.flatMap((name) => env[name] ?? []),
    ],
  }
}

function readOnce(choice: SignerChoice): string[] {
  switch (choice.backend) {
    case 'signing-proxy': {
      const { auth, caFile } = choice
      const own = auth.kind === 'mtls' ? [auth.certFile, auth.keyFile] : [pathIn(auth.apiKey)]
      return [caFile, ...own].filter((path) => path !== undefined)
    }
    case 'file':
      return [pathIn(choice.material)].filter((path) => path !== undefined)
    default:
      return []
  }
}
