// SPDX-License-Identifier: Apache-2.0

import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, type Disk, errorsOf, isSealwatchError, type Log } from '@sealwatch/base'
import type { AuditSigner, DsseSigner } from '@sealwatch/keys'
import {
  formatCheckpoint,
  type Ledger,
  ledgerErrors,
  type NoteVerifier,
  noteVerifier,
  openLedger,
  rootLeafAt,
  type SealedTenant,
  type SignedCheckpoint,
  sha256,
} from '@sealwatch/ledger'
import { createOpenLedgers, type OpenLedgers } from './open-ledgers.ts'
import { openLogKey } from './root/log-key.ts'
import { openNodeKeys } from './root/node-keys.ts'
import { type Cosign, openPublisher, type Published } from './root/publish.ts'
import { openRootBook, type PlacedHead } from './root/root-book.ts'
import { sizeBefore } from './root/size-before.ts'

const ledgerError = errorsOf(ledgerErrors)

/** Every tenant's ledger, and the root ledger that holds their heads under pseudonymous labels. */
export type Ledgers = Pick<OpenLedgers, 'tenants' | 'has' | 'get' | 'open'> & {
  originOf(tenant: string): string
  /** Whether the root ledger holds a head of it, also where its own ledger is not open or not there. */
  wasVouchedFor(tenant: string): boolean
  /** Lets the root vouch for all that a ledger holds, and closes it: what is appended from now on is refused. */
  shut(tenant: string): Promise<void>
  readonly root: Ledger
  /** Verifier key of the log key: what an outsider pins. */
  readonly vkey: string
  /** Who signs what the deployment says: its signer, and the log key where that is another. */
  readonly dsseSigners: readonly DsseSigner[]
  readonly health: LedgersHealth
  /** Signs every ledger that has grown, and then the root over their heads. */
  seal(): Promise<void>
  /** Seals, and has the root checkpoint countersigned and cosigned unless that was done less than `maxAgeMs` ago. */
  publish(maxAgeMs: number): Promise<void>
  /** What the published root checkpoint says of a tenant: what is known already, and nobody is asked. */
  vouched(tenant: string): Vouched | undefined
  /** How many leaves a tenant's ledger had before a time (Unix milliseconds), as the root ledger says; see size-before.ts. */
  sizeBefore(tenant: string, ms: number, signal: AbortSignal): Promise<number>
  /** The newest sealed state of a tenant that covers its first `size` leaves; seals and publishes where needed. */
  sealed(tenant: string, size?: number): Promise<SealedTenant>
  close(): Promise<void>
}

/** A tenant's head, and the published checkpoint that covers it. */
export type Vouched = { readonly head: PlacedHead; readonly published: Published }

export type LedgersHealth = {
  readonly rootSize: number
  readonly nodeKeyValidUntil: string
  /** Of the root checkpoint that is published, and when it was. */
  readonly publishedSize: number
  readonly publishedAt: string | null
  readonly quorum: 'met' | 'below' | 'none'
  /** What keeps the deployment's signer or the witnesses from doing their part; null: nothing. */
  readonly problem: string | null
}

/** What a witness is shown of the root ledger. */
export type RootLog = {
  /** The log key, under the root's origin. */
  readonly key: NoteVerifier
  readonly consistency: Ledger['consistency']
}

export type LedgersOptions = {
  readonly dir: string
  /** Where the node key lies, and the log key where it is not the deployment's signer. */
  readonly keysDir: string
  /** Name of this deployment: the stem of every origin. */
  readonly deployment: string
  /** Whose ledgers to open at once. */
  readonly tenants: readonly string[]
  readonly auditSigner: AuditSigner
  /** Witnesses of the root ledger. */
  readonly cosign?: (root: RootLog) => Cosign
  readonly belowQuorum?: 'degraded' | 'hold'
  /** Draws the tenants' labels; whoever lacks it cannot tell whose head is whose. */
  readonly labelKey: Uint8Array
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
}

/** Whose ledgers lie in a folder that holds these names. */
export const tenantsIn = (names: readonly string[]): ReadonlySet<string> =>
  new Set(names.flatMap((name) => /^tenant-(.+)$/.exec(name)?.[1] ?? []))
export const folderOf = (tenant: string): string => `tenant-${tenant}`

/** What a signer or a witness may take for its answer. */
const answerMsMax = 10_000

const sealsAtOnce = 32

export async function openLedgers(options: LedgersOptions): Promise<Ledgers> {
  const { dir, keysDir, deployment, labelKey, clock, disk, log } = options
  await disk.makeDirectory(dir)
  await disk.makeDirectory(keysDir)
  const rootOrigin = `${deployment}/root`
  // Every tenant is asked for, every second.
  const labels = new Map<string, string>()
  const labelOf = (tenant: string): string => {
    const label = labels.get(tenant) ?? createHmac('sha256', labelKey).update(tenant).digest('hex').slice(0, 32)
    labels.set(tenant, label)
    return label
  }
  const originOf = (tenant: string) => `${deployment}/tenant/${labelOf(tenant)}`
  const logKey = await openLogKey(options.auditSigner, join(keysDir, 'ledger.key'), disk)
  const nodeKeys = await openNodeKeys({
    path: join(keysDir, 'node.json'),
    origin: rootOrigin,
    logKey,
    clock,
    disk,
    signal: AbortSignal.timeout(answerMsMax),
  })
  await using opened = new AsyncDisposableStack()
  const openIn = (folder: string, tenant: string, origin: string): Promise<Ledger> => {
    // Deployments of the first version signed with the log key itself.
    const knownKeys = [...nodeKeys.knownFor(origin), noteVerifier(sha256, origin, logKey.publicKey)]
    const signer = nodeKeys.signerFor(origin)
    return openLedger({ dir: join(dir, folder), tenant, origin, signer, knownKeys, clock, disk })
  }
  const root = opened.adopt(await openIn('root', 'root', rootOrigin), (ledger) => ledger.close())
  const book = await openRootBook(root, join(dir, 'root'), disk)
  const ledgers = opened.adopt(
    createOpenLedgers({
      openLedger: (tenant) => openIn(folderOf(tenant), tenant, originOf(tenant)),
      headOf: (tenant) => book.head(labelOf(tenant)),
    }),
    ({ closeAll }) => closeAll(),
  )
  await ledgers.open(options.tenants)
  const publisher = await openPublisher({
    root,
    dir: join(dir, 'root'),
    logKey,
    cosign: options.cosign?.({
      key: noteVerifier(sha256, rootOrigin, logKey.publicKey),
      consistency: root.consistency,
    }),
    belowQuorum: options.belowQuorum ?? 'degraded',
    clock,
    disk,
  })
  const { published: last } = publisher
  if (last !== undefined && (root.size < last.size || !last.note.startsWith(checkpointText(root, last.size)))) {
    const received = `${root.size} lines, where a root checkpoint of ${last.size} lines was published that they do not lead to`
    throw ledgerError('LEDGER_BEHIND', { attempted: `opening the ledger ${rootOrigin}`, received })
  }
  opened.move()
  let queue: Promise<unknown> = Promise.resolve()
  let vouchedSize = 0
  let renewalProblem: string | undefined
  // As they were when the published checkpoint was signed. At the start only those are known that were not followed since.
  let vouchedHeads: ReadonlyMap<string, PlacedHead> = new Map(
    [...book.heads()].filter(([, { index }]) => index < (last?.size ?? 0)),
  )

  const serially = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    queue = result.catch(() => undefined)
    return result
  }

  /** The delegation stands in the root ledger before its key signs anything. */
  async function certify(): Promise<void> {
    const logged = async (delegation: typeof nodeKeys.delegation) => {
      await root.append({ own: { delegation } })
      await book.catchUp()
    }
    if (book.delegationAt(nodeKeys.delegation.payload) === undefined) await logged(nodeKeys.delegation)
    if (!nodeKeys.isDue()) return
    try {
      await nodeKeys.renew(logged, AbortSignal.timeout(answerMsMax))
      renewalProblem = undefined
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      if (renewalProblem === undefined) log.error('the node key cannot be renewed; the old one goes on', { error })
      renewalProblem = error.message
    }
  }

  async function sealGrown(): Promise<SealedRoot> {
    await certify()
    const isStale = ({ signed }: Ledger) => signed?.signedBy.publicKey.toHex() !== nodeKeys.publicKey.toHex()
    const behind = [...ledgers.entries()].filter(
      ([tenant, ledger]) => book.head(labelOf(tenant))?.size !== ledger.size || isStale(ledger),
    )
    // A few at a time: what a thousand have to do at once would keep everybody else waiting.
    for (let from = 0; from < behind.length; from += sealsAtOnce) {
      const placing = behind.slice(from, from + sealsAtOnce).map(([tenant, ledger]) => placeHead(tenant, ledger))
      const failed = (await Promise.allSettled(placing)).find(({ status }) => status === 'rejected')
      // Those that stand there count, also where one found no room: the next head of a tenant goes on from its last.
      await book.catchUp()
      if (failed?.status === 'rejected') throw failed.reason
    }
    await book.catchUp()
    const checkpoint = await root.checkpoint()
    await nodeKeys.forgetEarlier()
    return { checkpoint, heads: book.heads() }
  }

  async function placeHead(tenant: string, ledger: Ledger): Promise<void> {
    const label = labelOf(tenant)
    const { origin, size, root: hash } = await ledger.checkpoint()
    const prevSize = book.head(label)?.size ?? 0
    if (prevSize === size) return
    const proof = ledger.consistency(prevSize, size).map((node) => node.toHex())
    await root.append({ own: { tenant_head: { label, origin, prev_size: prevSize, proof, root: hash.toHex(), size } } })
  }

  async function publish({ checkpoint, heads }: SealedRoot, maxAgeMs: number): Promise<Published> {
    const published = await publisher.publish(checkpoint, maxAgeMs, AbortSignal.timeout(answerMsMax))
    if (published.size >= checkpoint.size && checkpoint.size >= vouchedSize) {
      vouchedSize = checkpoint.size
      vouchedHeads = heads
    }
    return published
  }

  /** Evidence is worth having without the signer's word, too; the bundle's report says what is missing. */
  async function published(root: SealedRoot) {
    try {
      return await publish(root, Number.POSITIVE_INFINITY)
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      log.warn('evidence goes out without a countersignature', { error })
      const { note, size } = root.checkpoint
      return { note, size, countersignature: undefined }
    }
  }

  async function compose(tenant: string, size: number): Promise<SealedTenant> {
    const sealed = await serially(async () => {
      const sealedRoot = await sealGrown()
      return {
        sealedRoot,
        checkpoint: ledgers.get(tenant).signed,
        head: book.head(labelOf(tenant)),
        delegation: book.delegationAt(nodeKeys.delegation.payload),
        key: nodeKeys.publicKey,
      }
    })
    const { sealedRoot, checkpoint, head, delegation, key } = sealed
    if (checkpoint === undefined || checkpoint.size < size || head === undefined || delegation === undefined)
      throw new RangeError(`tenant ${tenant} was sealed and is not`)
    const { note, size: rootSize, countersignature } = await published(sealedRoot)
    // One key stands for the whole bundle: a new one while the signer was asked means once more.
    if (key !== nodeKeys.publicKey) return compose(tenant, size)
    return {
      checkpoint,
      root: { note, size: rootSize, countersignature, ...(await rootLeafAt(root, head.index, rootSize)) },
      delegation: await rootLeafAt(root, delegation, rootSize),
    }
  }

  return {
    get tenants() {
      return ledgers.tenants
    },
    originOf,
    wasVouchedFor: (tenant) => book.head(labelOf(tenant)) !== undefined,
    has: ledgers.has,
    get: ledgers.get,
    open: ledgers.open,
    shut: (tenant) =>
      serially(async () => {
        await sealGrown()
        await ledgers.close(tenant)
      }),
    root,
    vkey: logKey.vkey(rootOrigin),
    dsseSigners: logKey.dsseSigners,
    get health() {
      const { published } = publisher
      return {
        rootSize: root.size,
        nodeKeyValidUntil: nodeKeys.validUntil,
        publishedSize: published?.size ?? 0,
        publishedAt: published === undefined ? null : new Date(published.atMs).toISOString(),
        quorum: published?.quorum ?? 'none',
        problem: publisher.problem ?? renewalProblem ?? null,
      }
    },
    seal: () => serially(async () => void (await sealGrown())),
    publish: async (maxAgeMs) => void (await publish(await serially(sealGrown), maxAgeMs)),
    vouched: (tenant) => {
      const head = vouchedHeads.get(labelOf(tenant))
      const { published: newest } = publisher
      return head === undefined || newest === undefined ? undefined : { head, published: newest }
    },
    sizeBefore: (tenant, ms, signal) => sizeBefore(root, book.head(labelOf(tenant)), ms, signal),
    sealed: (tenant, size = ledgers.get(tenant).size) => compose(tenant, size),
    close: async () => {
      await serially(sealGrown).catch((error: unknown) => {
        if (!isSealwatchError(error, 'NODE_KEY_EXPIRED')) throw error
      })
      await book.save()
      await ledgers.closeAll()
      await root.close()
    },
  }
}

/** The root as signed, and the heads that it holds then. */
type SealedRoot = { readonly checkpoint: SignedCheckpoint; readonly heads: ReadonlyMap<string, PlacedHead> }

const checkpointText = ({ origin, rootAt }: Ledger, size: number) =>
  formatCheckpoint({ origin, size, root: rootAt(size) })
