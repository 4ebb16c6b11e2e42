// SPDX-License-Identifier: Apache-2.0

import { safeUrl } from '@sealwatch/base/outgoing'
import { type CosignerKey, equal, isQuorumMet, type NoteVerifier, type Policy } from '@sealwatch/ledger'
import { createWitnessClient, type WitnessClientOptions, type WitnessStatus, witnessDeadlineMs } from './client.ts'
import { witnessesError } from './errors.ts'
import type { RootCheckpoint } from './split-view.ts'

export type Cosigned = {
  /** The checkpoint with the cosignatures there are, in the order of the policy. */
  readonly note: string
  readonly quorum: 'met' | 'below'
  /** Witnesses of the policy whose cosignature is not there. */
  readonly missing: readonly string[]
}

export type Witnesses = {
  /**
   * Asks every witness at once. Resolves when all have answered, soon after the quorum is met, or at the deadline; a
   * witness that is slow, lies or is gone costs no more than that. Never rejects.
   */
  cosign(checkpoint: RootCheckpoint, signal: AbortSignal): Promise<Cosigned>
  status(): readonly WitnessStatus[]
  /** Of the last checkpoint; `none` before the first. */
  readonly quorum: 'met' | 'below' | 'none'
}

export type WitnessesOptions = Omit<WitnessClientOptions, 'witness'> & { readonly policy: Policy }

/** With the quorum met, the others have this long to join in. */
const stragglersMs = 500

/** Throws WITNESSES_UNUSABLE for a policy that this server cannot follow. */
export function createWitnesses(options: WitnessesOptions): Witnesses {
  const { policy, clock, logKeys } = options
  checkPolicy(policy, logKeys)
  const clients = policy.witnesses.map((witness) => ({
    witness,
    client: createWitnessClient({ ...options, witness: { ...witness, url: witness.url as string } }),
  }))

  let quorum: Witnesses['quorum'] = 'none'

  async function cosign(checkpoint: RootCheckpoint, signal: AbortSignal): Promise<Cosigned> {
    const lines = new Map<CosignerKey, string>()
    const isMet = () => isQuorumMet(policy.quorum, (key) => lines.has(key))
    const enough = new AbortController()
    if (isMet()) enough.abort()
    const answered = clients.map(async ({ witness, client }) => {
      const line = await client.cosign(checkpoint, signal)
      if (line === undefined) return
      lines.set(witness.key, line)
      if (isMet()) enough.abort()
    })
    const over = new AbortController()
    await Promise.race([
      Promise.all(answered),
      // Cut short once the quorum is met: then only stragglers are waited for.
      clock
        .sleep(witnessDeadlineMs, AbortSignal.any([enough.signal, over.signal, signal]))
        .then(() => (signal.aborted || over.signal.aborted ? undefined : clock.sleep(stragglersMs, over.signal))),
    ])
    over.abort()
    quorum = isMet() ? 'met' : 'below'
    const present = clients.filter(({ witness }) => lines.has(witness.key))
    return {
      note: checkpoint.note + present.map(({ witness }) => lines.get(witness.key)).join(''),
      quorum,
      missing: clients.filter((client) => !present.includes(client)).map(({ witness }) => witness.name),
    }
  }

  return {
    cosign,
    status: () => clients.map(({ client }) => client.status),
    get quorum() {
      return quorum
    },
  }
}

function checkPolicy({ logs, witnesses }: Policy, logKeys: readonly NoteVerifier[]): void {
  const attempted = 'reading the witness policy'
  for (const { name, url } of witnesses) {
    if (url === undefined || safeUrl(url) === undefined)
      throw witnessesError('WITNESSES_UNUSABLE', { attempted, received: `the witness ${name} at ${url ?? 'no URL'}` })
  }
  const isOurs = logs.some(({ key }) => logKeys.some((own) => equal(own.publicKey, key.publicKey)))
  if (logs.length > 0 && !isOurs)
    throw witnessesError('WITNESSES_UNUSABLE', {
      attempted,
      received: `the logs ${logs.map(({ key }) => key.name).join(', ')}, where this is ${logKeys.map(({ name }) => name).join(', ')}`,
    })
}
