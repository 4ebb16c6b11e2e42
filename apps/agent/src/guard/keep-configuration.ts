// SPDX-License-Identifier: Apache-2.0
// What the server tells this host's guard (docs/formats/host-config.md, 6): brought by the agent, and believed for its signature alone.

import type { Disk, Log } from '@sealwatch/base'
import { type HostConfigStatement, openHostConfig, pinnedHost } from '@sealwatch/keys'
import { guardError } from './errors.ts'

export type GuardConfigurationOptions = {
  /** Where it is kept, as it was signed. */
  readonly path: string
  readonly tenant: string
  /** How the fingerprint of the CA begins, as root was told it; undefined: root was told none yet. Throws SyntaxError. */
  readonly pin: () => string | undefined
  /** Called within the step that puts it in force, and at the start. */
  readonly apply: (said: HostConfigStatement | undefined) => void
  readonly disk: Disk
  readonly log: Log
}

export type GuardConfiguration = {
  /** In force; 0: the server has told nothing. */
  readonly version: number
  /** As it was signed, and who this host is, PEM. In force once it is on the disk. Throws why it is not taken. */
  take(envelope: string, identity: string): Promise<void>
}

type Kept = { readonly envelope: string; readonly identity: string; readonly said: HostConfigStatement }

const bytesMax = 8 * 1024 * 1024

/** What was kept is verified anew; what does not hold counts for nothing, and says so. */
export async function keepGuardConfiguration(options: GuardConfigurationOptions): Promise<GuardConfiguration> {
  const { path, tenant, pin, apply, disk, log } = options
  let kept = await read()
  apply(kept?.said)

  async function read(): Promise<Kept | undefined> {
    const bytes = await disk.read(path)
    if (bytes === undefined) return undefined
    try {
      if (bytes.length > bytesMax) throw new RangeError(`${bytes.length} bytes`)
      const { envelope, identity } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>
      return open(String(envelope), String(identity))
    } catch (error) {
      log.critical('what the server told this guard cannot be read, and counts for nothing until it tells it again', {
        path,
        error,
      })
      return undefined
    }
  }

  /**
   * When it was signed is the agent's business, which took it then: one that is older than a day is as good for a guard that begins. It cannot
   * be made to take one that is older than it has.
   */
  function open(envelope: string, identity: string): Kept {
    const attempted = 'taking what the server told the guard'
    const pinned = pin()
    if (pinned === undefined) throw guardError('GUARD_UNPINNED', { attempted })
    const said = openHostConfig(envelope, { ...pinnedHost(identity, pinned), nowMs: undefined })
    if (said.tenant === tenant) return { envelope, identity, said }
    throw guardError('GUARD_CONFIG_FOREIGN', { attempted, received: `one of the tenant ${said.tenant}` })
  }

  async function take(envelope: string, identity: string): Promise<void> {
    if (envelope === kept?.envelope) return
    const next = open(envelope, identity)
    const { host, version } = next.said
    const attempted = `taking version ${version} of the configuration`
    if (kept !== undefined && host !== kept.said.host)
      throw guardError('GUARD_CONFIG_FOREIGN', { attempted, received: `one for the host ${host}` })
    if (kept !== undefined && version <= kept.said.version)
      throw guardError('GUARD_CONFIG_REPLAYED', { attempted, received: `version ${kept.said.version} was taken` })
    await disk.replace(path, `${JSON.stringify({ v: 1, envelope, identity })}\n`, 0o600)
    kept = next
    apply(next.said)
    log.info('the guard follows another configuration', { version })
  }

  // One after the other: what comes first is judged first.
  let taking: Promise<void> = Promise.resolve()
  return {
    get version() {
      return kept?.said.version ?? 0
    },
    take: (envelope, identity) => {
      const taken = taking.then(() => take(envelope, identity))
      taking = taken.catch(() => undefined)
      return taken
    },
  }
}
