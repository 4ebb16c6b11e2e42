// SPDX-License-Identifier: Apache-2.0

import type { ExecutableWay } from '../sources/observation.ts'
import type { ProtectedProcess } from './act.ts'

/** Which code a program has of its own: what comes later was brought by somebody. */
export type CodeBaseline = {
  isUsual(process: ProtectedProcess, code: { readonly way: ExecutableWay; readonly timeNs: bigint }): boolean
}

export const codeBaselineLimits = {
  /** Of a process that young, whatever its program does is learned: loaders and compilers settle. */
  learnNs: 60_000_000_000n,
  /** The longest known are forgotten beyond this, and learned again. */
  imagesMax: 1_024,
} as const

/** Compilers at run time make code all day. */
const jit: readonly ExecutableWay[] = ['writable', 'made', 'anonymous']

/** `compilesItself`: its runtime makes code, as V8 does. */
export function createCodeBaseline(compilesItself: (exe: string | null) => boolean): CodeBaseline {
  const { learnNs, imagesMax } = codeBaselineLimits
  const learned = new Map<string, Set<ExecutableWay>>()
  return {
    isUsual({ exe, startNs }, { way, timeNs }) {
      if (compilesItself(exe) && jit.includes(way)) return true
      const image = exe ?? ''
      const usual = learned.get(image) ?? new Set()
      if (usual.has(way)) return true
      if (timeNs - startNs > learnNs) return false
      learned.set(image, usual.add(way))
      if (learned.size > imagesMax) learned.delete(learned.keys().next().value as string)
      return true
    },
  }
}
