// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { manifestCrypto as crypto, digestOfChange, type ManifestAction } from '@sealwatch/keys'
import { apiOptions } from '../api.ts'
import { integer, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { readMembers } from './members.ts'

const usage = (attempted: string, advice: string) => cliError('CLI_USAGE', { attempted, advice })

export const changeOptions = {
  tenant: apiOptions.tenant,
  hours: integer({ takes: 'N', help: 'strict-off: for so many hours', min: 1, max: 8760, absent: 0 }),
  producer: text({ takes: 'NAME', help: 'key-promotion: the service whose key it is' }),
  'key-id': text({ takes: 'ID', help: 'key-promotion: the id of the key, as the tenant knows it' }),
  'public-key': text({ takes: 'FILE', help: 'key-promotion: the public key in PEM' }),
  file: text({ takes: 'FILE', help: 'upgrade, rollback: the release file' }),
} as const
type ChangeOptions = {
  readonly tenant: string | undefined
  readonly hours: number
  readonly producer: string | undefined
  readonly 'key-id': string | undefined
  readonly 'public-key': string | undefined
  readonly file: string | undefined
}

/** What the action needs to know, and the digest of it (manifest.md, 3). */
export async function changeOf(
  action: ManifestAction,
  given: ChangeOptions,
  attempted: string,
): Promise<{ digest: string; subject: string }> {
  const { tenant = 'default', hours, producer, 'key-id': key_id, 'public-key': keyFile, file } = given
  switch (action) {
    case 'strict-off': {
      if (hours === 0) throw usage(attempted, 'Say for how long: --hours N')
      const digest = digestOfChange({ action, tenant, for_seconds: hours * 3600 }, crypto)
      return { digest, subject: `strict mode of the tenant ${tenant} off for ${hours} h` }
    }
    case 'key-promotion': {
      if (producer === undefined || key_id === undefined || keyFile === undefined)
        throw usage(attempted, 'Say which key, and whose: --producer NAME --key-id ID --public-key FILE')
      const [row] = Object.values(readMembers(`key=${keyFile}`, attempted))
      const digest = digestOfChange({ action, tenant, producer, key_id, public_key: row?.public_key ?? '' }, crypto)
      return { digest, subject: promotionSubject({ tenant, producer, key_id }) }
    }
    default: {
      if (file === undefined) throw usage(attempted, 'Name the release: --file FILE')
      return { digest: await digestOfFile(file), subject: file.split('/').at(-1) ?? file }
    }
  }
}

/** For people: the digest is of the whole id. A subject has at most 200 characters. */
export const promotionSubject = (of: { readonly tenant: string; readonly producer: string; readonly key_id: string }) =>
  `the service ${of.producer} of the tenant ${of.tenant} gets the key ${of.key_id}`.slice(0, 200)

export async function digestOfFile(path: string): Promise<string> {
  const sha256 = createHash('sha256')
  await pipeline(createReadStream(path), sha256).catch((cause: unknown) => {
    throw fileError(path, cause, 'reading')
  })
  return sha256.digest('hex')
}
