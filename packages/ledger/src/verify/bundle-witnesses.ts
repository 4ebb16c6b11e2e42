// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base/time'
import { type CosignerKey, formatCosignerVkey, verifyCosignatures } from './cosignature.ts'
import { parseNote, type VerifyEd25519 } from './note.ts'
import { isQuorumMet, type Policy } from './policy.ts'

/** Who has cosigned a root checkpoint, of those that the verifier knows. */
export type Witnessed = {
  readonly cosigned: readonly {
    /** As the policy calls it. */
    readonly name: string
    readonly key: string
    /** When the witness first said so, by its clock: RFC 3339. */
    readonly time: string
  }[]
  /** Witnesses of the policy that did not. */
  readonly missing: readonly string[]
  readonly quorum: 'met' | 'below'
}

/** Throws for a cosignature by a known witness that does not hold; whether they are enough is the caller's to judge. */
export function witnessedBy(
  { witnesses, quorum }: Policy,
  note: string,
  verify: VerifyEd25519,
  attempted: string,
): Witnessed {
  const keys = witnesses.map(({ key }) => key)
  const cosignatures = verifyCosignatures(parseNote(note, attempted), keys, verify, attempted)
  const timeOf = new Map<CosignerKey, number>(cosignatures.map(({ key, timeS }) => [key, timeS]))
  const cosigned = witnesses.flatMap(({ name, key }) => {
    const timeS = timeOf.get(key)
    const time = timeS === undefined ? undefined : rfc3339(BigInt(timeS) * 1_000_000_000n)
    return time === undefined ? [] : [{ name, key: formatCosignerVkey(key), time }]
  })
  return {
    cosigned,
    missing: witnesses.flatMap(({ name, key }) => (timeOf.has(key) ? [] : [name])),
    quorum: isQuorumMet(quorum, (key) => timeOf.has(key)) ? 'met' : 'below',
  }
}
