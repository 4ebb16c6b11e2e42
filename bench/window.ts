// SPDX-License-Identifier: Apache-2.0

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
