// SPDX-License-Identifier: Apache-2.0

/** Batches on their way at once, in figures of one host. */
export const onTheWayMax = 8

/** Lets `max` in at a time. */
export function createWindow(max: number) {
  let inside = 0
  let waiting: (() => void) | undefined
  return {
    enter: async () => {
      if (inside >= max) await new Promise<void>((resolve) => (waiting = resolve))
      inside += 1
    },
    leave: () => {
      inside -= 1
      waiting?.()
      waiting = undefined
    },
  }
}
