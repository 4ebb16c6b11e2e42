// SPDX-License-Identifier: Apache-2.0
// What the server told this host to watch besides the operator's own list (docs/formats/host-config.md, 5). The agent keeps
// it as it was signed; whoever is root here verifies it again, for the agent is not to decide what the sensor sees.

import { constants, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { isSealwatchError, type Log } from '@sealwatch/base'
import { toldEntries } from '@sealwatch/contract/host-config'
import { caPinOf, openHostConfig, pinnedHost } from '@sealwatch/keys'
import { fileOf, type Place } from '../place.ts'
import { readSmallFile } from '../small-file.ts'

const bytesMax = 8 * 1024 * 1024

export type ToldWatchList = {
  /** Writes the sensor's file anew where the host was told another list; whether it was. Called again and again. */
  look(): boolean
}

/**
 * The file of the sensor is there from then on: empty until the host was told something. The first of `pins` that there is says
 * which CA speaks for the server.
 */
export function openToldWatchList(
  place: Place,
  log: Log,
  pins: readonly string[] = [fileOf.joined(place), fileOf.trust(place)],
): ToldWatchList {
  const path = fileOf.toldWatchList(place)
  let seenMs: number | undefined
  let written = statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(path, 'utf8')
  look()
  if (written === undefined) write('')

  function write(text: string): void {
    writeFileSync(`${path}.new`, text, { mode: 0o644 })
    renameSync(`${path}.new`, path)
    written = text
  }

  function look(): boolean {
    const changedMs = statSync(fileOf.agentConfiguration(place), { throwIfNoEntry: false })?.mtimeMs
    if (changedMs === undefined || changedMs === seenMs) return false
    seenMs = changedMs
    try {
      const paths = toldPaths(place, pins)
      const text = paths.map((line) => `${line}\n`).join('')
      if (text === (written ?? '')) return false
      write(text)
      log.info('the host is told to watch something else', { paths: paths.length })
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (!isSealwatchError(error) && !(error instanceof SyntaxError) && code === undefined) throw error
      log.error('what the host is told to watch is not what the server signed; the sensor keeps the list it has', {
        error,
      })
      return false
    }
  }

  return { look }
}

/** Throws what openHostConfig throws, SyntaxError, or the system's error. */
function toldPaths(place: Place, pins: readonly string[]): readonly string[] {
  const read = (path: string) => readSmallFile(path, bytesMax, constants.O_NOFOLLOW)
  const { current, identity } = JSON.parse(read(fileOf.agentConfiguration(place))) as Record<string, unknown>
  if (typeof current !== 'string') return []
  const pin = caPinOf(pins, (path) => (existsSync(path) ? read(path) : undefined))
  if (pin === undefined) throw new SyntaxError('no CA is pinned yet')
  const { authority, hostId } = pinnedHost(String(identity), pin)
  return toldEntries(openHostConfig(current, { authority, hostId, nowMs: undefined }).config)
}
