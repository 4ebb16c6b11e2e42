// SPDX-License-Identifier: Apache-2.0

const memoryPath = /^\/proc\/(\d+)(?:\/task\/\d+)?\/mem$/

/** Whose memory a descriptor is of; undefined: of nobody's. */
export function memoryPidOf(path: string): number | undefined {
  const pid = memoryPath.exec(path)?.[1]
  return pid === undefined ? undefined : Number(pid)
}
