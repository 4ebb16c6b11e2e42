// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { slugName } from '@sealwatch/contract'
import { parsePlaced, placesAt } from '@sealwatch/contract/policy'
import { z } from 'zod'
import { trustError } from '../errors.ts'
import { type CheckedKey, checkKey } from '../key-form.ts'

/** A key as the file names it, and where. */
export type FileKey = CheckedKey & { readonly tenant: string; readonly producer: string; readonly place: string }
export type TrustStore = {
  readonly services: readonly { readonly tenant: string; readonly producer: string; readonly place: string }[]
  readonly keys: readonly FileKey[]
}

export const storeLimits = { bytesMax: 1024 * 1024, keysMax: 10_000 } as const
const depthMax = 8

const name = z.string().regex(slugName.form, `must be ${slugName.words}`)
const key = z.strictObject({
  key_id: z.string(),
  algorithm: z.string(),
  public_key: z.string(),
  valid_from: z.string(),
  valid_until: z.string().nullable().optional(),
})
const form = z.strictObject({
  version: z.literal(1),
  tenants: z.record(name, z.strictObject({ services: z.record(name, z.strictObject({ keys: z.array(key) })) })),
})

/** For editors and for whoever writes the file by a program. What a schema cannot say is checked all the same. */
export const trustStoreSchema = () => ({
  ...z.toJSONSchema(form, { target: 'draft-2020-12', io: 'input' }),
  title: 'Trust-store file of Sealwatch (docs/formats/trust-store.md)',
})

/** Strictly (trust-store.md). Throws TRUST_STORE_INVALID with line, path, rule and what stands there. */
export function parseTrustStore(bytes: Uint8Array, attempted: string): TrustStore {
  const wrong = (received: string) => trustError('TRUST_STORE_INVALID', { attempted, received })
  if (bytes.length > storeLimits.bytesMax) throw wrong(`more than ${storeLimits.bytesMax} bytes`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw wrong('bytes that are not UTF-8')
  }
  const { value, faults, values } = parsePlaced(text, depthMax)
  const at = (offset: number, pointer: string) =>
    `line ${placesAt(text, [offset]).get(offset)?.line ?? 1}, ${pointer || '/'}`
  const placeOf = (path: readonly PropertyKey[]) => {
    const pointer = path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
    return at(values.get(pointer) ?? 0, pointer)
  }
  const [fault] = faults
  if (fault !== undefined)
    throw wrong(`${at(fault.offset, fault.pointer)}: ${fault.rule}, and there is ${fault.received}`)
  const read = form.safeParse(value)
  if (!read.success) {
    const [issue] = read.error.issues
    throw wrong(`${placeOf(issue?.path ?? [])}: ${issue?.message ?? 'another form'}`)
  }
  return storeOf(read.data.tenants, placeOf, wrong)
}

function storeOf(
  tenants: z.output<typeof form>['tenants'],
  placeOf: (path: readonly PropertyKey[]) => string,
  wrong: (received: string) => Error,
): TrustStore {
  const services: TrustStore['services'][number][] = []
  const keys: FileKey[] = []
  const known = new Map<string, string>()
  for (const [tenant, { services: of }] of Object.entries(tenants))
    for (const [producer, { keys: given }] of Object.entries(of)) {
      const path = ['tenants', tenant, 'services', producer]
      services.push({ tenant, producer, place: placeOf(path) })
      for (const [i, { key_id, algorithm, public_key, valid_from, valid_until }] of given.entries()) {
        const place = placeOf([...path, 'keys', i])
        const window = { validFrom: valid_from, validUntil: valid_until }
        const checked = checkedAt(place, { keyId: key_id, algorithm, publicKey: public_key, ...window }, wrong)
        for (const mark of [`id ${key_id}`, `key ${checked.publicKey}`]) {
          const other = known.get(`${tenant} ${mark}`)
          if (other !== undefined) throw wrong(`${place}: the ${mark.slice(0, 40)} stands at ${other} already`)
          known.set(`${tenant} ${mark}`, place)
        }
        keys.push({ ...checked, tenant, producer, place })
        if (keys.length > storeLimits.keysMax) throw wrong(`more than ${storeLimits.keysMax} keys`)
      }
    }
  return { services, keys }
}

function checkedAt(
  place: string,
  given: Parameters<typeof checkKey>[0],
  wrong: (received: string) => Error,
): CheckedKey {
  try {
    return checkKey(given, '', 'reading a key')
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    throw wrong(`${place}: ${error.rule}; received ${error.received}`)
  }
}
