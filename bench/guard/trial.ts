// SPDX-License-Identifier: Apache-2.0
// Whom the guard of a whole platform protects, who reaches for them, and when that stood on the disk.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A process that others reach for. `address`: where its memory lies. */
export type Victim = { readonly pid: number; readonly address: string } & Disposable

/** `reach` is what acts, `victim` the same program under the name that is protected. */
export type Programs = { readonly reach: string; readonly victim: string; readonly appended: string }

export async function build(dir: string): Promise<Programs> {
  const made = (name: string) => join(dir, name)
  for (const name of ['reach', 'appended'])
    await run('gcc', ['-O2', '-o', made(name), join(import.meta.dirname, `${name}.c`)])
  await copyFile(made('reach'), made('victim'))
  return { reach: made('reach'), victim: made('victim'), appended: made('appended') }
}

/** A copy of this Node.js: whoever goes by its path, or by its file, takes it for another program. */
export async function anotherNode(path: string): Promise<string> {
  await copyFile(process.execPath, path)
  return path
}

export async function startVictim(program: string, bytes: number): Promise<Victim> {
  const child = spawn(program, ['wait', String(bytes)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const [pid, address] = line.split(' ') as [string, string]
  return { pid: Number(pid), address, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

export type Reach = { readonly pid: number; readonly calledNs: bigint }

/** Resolves once it is done. */
export async function reach(
  program: string,
  way: string,
  { pid, address }: Pick<Victim, 'pid' | 'address'>,
  rest: readonly string[] = [],
): Promise<Reach> {
  const { stdout } = await run(program, [way, String(pid), address, ...rest])
  const [own, calledNs] = stdout.trim().split(' ') as [string, string]
  return { pid: Number(own), calledNs: BigInt(calledNs) }
}

export type Appended = {
  /** Every whole line of every file of the directory, and when it was written; Unix time in nanoseconds. */
  lines(): readonly { readonly text: string; readonly writtenNs: bigint }[]
} & AsyncDisposable

/** What is appended in `dir` from here on, to files whose names end so. */
export async function followAppends(program: string, dir: string, ending: string): Promise<Appended> {
  const child = spawn(program, [dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const told = createInterface(child.stdout)
  const writes: { readonly name: string; readonly size: number; readonly atNs: bigint }[] = []
  const ours = readdirSync(dir).filter((name) => name.endsWith(ending))
  const before = new Map(ours.map((name) => [name, readFileSync(join(dir, name)).length]))
  await once(told, 'line')
  told.on('line', (line) => {
    const [atNs = '', size = '', name = ''] = line.split(' ')
    writes.push({ name, size: Number(size), atNs: BigInt(atNs) })
  })
  return {
    lines: () =>
      [...new Set(writes.map(({ name }) => name))]
        .filter((name) => name.endsWith(ending))
        .flatMap((name) => {
          const bytes = readFileSync(join(dir, name))
          const of = writes.filter((write) => write.name === name)
          const found: { readonly text: string; readonly writtenNs: bigint }[] = []
          for (let at = before.get(name) ?? 0, write = 0; ; ) {
            const end = bytes.indexOf(0x0a, at)
            while (write < of.length && (of[write]?.size ?? 0) <= end) write += 1
            const writtenNs = of[write]?.atNs
            if (end < 0 || writtenNs === undefined) return found
            found.push({ text: bytes.toString('latin1', at, end), writtenNs })
            at = end + 1
          }
        }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}
