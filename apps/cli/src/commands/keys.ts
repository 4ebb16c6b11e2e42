// SPDX-License-Identifier: Apache-2.0

import { type KeysProgress, slugName } from '@sealwatch/contract'
import { type Admin, withAdmin } from '../admin.ts'
import { withApi } from '../api.ts'
import { type Context, command, exit, form } from '../command.ts'
import { bar, columns, counted, paint, progressLine, safe, safeJson, toSecond } from '../terminal.ts'

type Keys = {
  readonly epoch: number
  readonly epochs: readonly {
    readonly epoch: number
    readonly kind: 'local' | 'kms'
    readonly keyId: string
    readonly createdAt: string
    readonly retiredAt: string | null
    readonly tenantKeys: number
  }[]
  readonly toRewrap: number
  readonly subjectKeys: number
  readonly cached: number
  readonly memory: 'secret' | 'locked' | 'heap'
}

const memories = {
  secret: 'pages that not even root reads through /proc (memfd_secret)',
  locked: 'locked pages, in no swap and no core dump',
  heap: 'ordinary memory: raise the limit of locked memory (ulimit -l) and start again',
} as const

export const keysStatus = command({
  name: 'keys status',
  summary: 'Show the keys that values at rest are sealed under',
  about: 'Epochs of the system master key, and how many tenant keys each of them still wraps.',
  options: {},
  examples: ['sudo ./sealwatch keys status', 'sudo ./sealwatch keys status --json | jq .toRewrap'],
  run: async (_options, _operands, { io, place, json }) => {
    const { keys } = await withAdmin(place, 'asking for the keys', (admin) => admin.getKeys({}))
    const status = JSON.parse(keys) as Keys
    if (json) {
      io.out(`${safeJson(status)}\n`)
      return exit.ok
    }
    const rows = status.epochs.map(({ epoch, kind, keyId, createdAt, retiredAt, tenantKeys }) => [
      String(epoch),
      kind === 'local' ? 'file' : safe(keyId),
      toSecond(createdAt),
      epoch === status.epoch ? 'current' : toSecond(retiredAt ?? 'readable'),
      String(tenantKeys),
    ])
    io.out(columns([['epoch', 'master key', 'begun', 'retired', 'tenant keys'], ...rows]))
    io.out(
      `${counted(status.subjectKeys, 'key')} of persons; ${counted(status.cached, 'key')} in memory: ${memories[status.memory]}\n`,
    )
    if (status.toRewrap > 0)
      io.out(
        paint(
          io,
          'yellow',
          `${counted(status.toRewrap, 'tenant key is', 'tenant keys are')} under an older epoch; the server is at it.\n`,
        ),
      )
    return exit.ok
  },
})

export const keysRotate = command({
  name: 'keys rotate',
  summary: 'Begin a new epoch of the system master key',
  about:
    'What is sealed from then on is under new keys. What was sealed before stays readable: the tenant keys of older\n' +
    'epochs are wrapped anew, and the older master key is destroyed when nothing needs it any more.',
  options: {},
  examples: ['sudo ./sealwatch keys rotate', 'sudo ./sealwatch keys rotate --json'],
  run: (_options, _operands, context) =>
    followed(context, 'rotating the master key', (admin, signal) => admin.rotateKeys({}, { signal })),
})

export const keysRewrap = command({
  name: 'keys rewrap',
  summary: 'Wrap the tenant keys of older epochs under the newest master key',
  about: 'The server does so by itself; this does it now, and shows how far it is.',
  options: {},
  examples: ['sudo ./sealwatch keys rewrap'],
  run: (_options, _operands, context) =>
    followed(context, 'wrapping keys anew', (admin, signal) => admin.rewrapKeys({}, { signal })),
})

export const keysEvict = command({
  name: 'keys evict',
  summary: 'Wipe the unwrapped keys from the server’s memory',
  about:
    'Whoever seals or opens something next has its key fetched again, from the KMS where there is one. To take other keys as\n' +
    'well: keys rotate. Both happen by themselves when the guard sees somebody reach for the server’s memory.',
  options: {
    tenant: form({
      takes: 'NAME',
      help: 'Whose (default: those of all tenants)',
      form: slugName.form,
      mustBe: `a tenant name: ${slugName.words}`,
    }),
  },
  examples: ['sudo ./sealwatch keys evict', 'sudo ./sealwatch keys evict --tenant acme'],
  run: async ({ tenant }, _operands, { io, place, json }) => {
    const at = { io, place, tenant: 'cluster', server: undefined }
    const answer = await withApi(at, 'wiping keys in memory', (api) =>
      api.call('evictKeys', { body: tenant === undefined ? {} : { tenant } }),
    )
    io.out(
      json
        ? `${safeJson(answer)}\n`
        : `${counted(answer.keys, 'key was', 'keys were')} wiped from memory, recorded in the ledger of the deployment.\n`,
    )
    return exit.ok
  },
})

async function followed(
  { io, place, json }: Context,
  attempted: string,
  call: (admin: Admin, signal: AbortSignal) => AsyncIterable<KeysProgress>,
): Promise<number> {
  const progress = progressLine(io)
  let last = { epoch: 0, done: 0, total: 0 }
  try {
    await withAdmin(place, attempted, async (admin) => {
      for await (const { epoch, done, total } of call(admin, io.stop)) {
        last = { epoch, done, total }
        progress.show(`epoch ${epoch} ${bar(done, total)} ${done} of ${counted(total, 'tenant key')}`)
      }
    })
  } finally {
    progress.end()
  }
  const { epoch, done } = last
  io.out(
    json
      ? `${safeJson(last)}\n`
      : `Epoch ${epoch} is current; ${counted(done, 'tenant key was', 'tenant keys were')} wrapped anew.\n`,
  )
  return exit.ok
}
