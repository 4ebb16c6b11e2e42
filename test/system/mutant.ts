// SPDX-License-Identifier: Apache-2.0

import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from './platform.ts'

/** One deliberate change of the product: `find` stands exactly once in `file`. */
export type Mutation = { readonly file: string; readonly find: string; readonly replace: string }

const lossyDiskFile = 'apps/server/src/lossy-disk.ts'

/** The server writes to test/system/lossy-disk.ts. */
export const lossyDisk: readonly Mutation[] = [
  {
    file: 'apps/server/src/main.ts',
    find: "import { runServer } from './compose.ts'",
    replace: "import { runServer } from './compose.ts'\nimport { lossyDisk } from './lossy-disk.ts'",
  },
  { file: 'apps/server/src/main.ts', find: 'disk: systemDisk', replace: 'disk: lossyDisk' },
]

export const acknowledgeBeforeSync: readonly Mutation[] = [
  {
    file: 'apps/server/src/ingest/commit.ts',
    find: `const placed = await appending
    looked?.(placed)`,
    replace: `appending.then((placed) => looked?.(placed)).catch(() => undefined)
    const placed = { next: ledger.size }`,
  },
  // What is acknowledged is still to be written: its memory must stay.
  { file: 'apps/server/src/ingest/transport/release-message.ts', find: 'buffer.transfer(0)', replace: '' },
]

export const acceptTwice: Mutation = {
  file: 'apps/server/src/ingest/commit.ts',
  find: 'const position = ledger.position(batch.chain)',
  replace: 'const position = { nextSeq: firstSeq, tip: null }',
}

/** A copy of the product with some mutations, which is gone at the end of the scope. */
export async function mutantTree(mutations: readonly Mutation[]): Promise<{ readonly root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'sealwatch-mutant-'))
  for (const folder of ['packages', 'apps', 'rules', 'test/sim', 'package.json']) {
    await cp(join(repository, folder), join(root, folder), {
      recursive: true,
      filter: (path) => !path.endsWith('node_modules'),
    })
  }
  await cp(join(repository, 'test/system/lossy-disk.ts'), join(root, lossyDiskFile))
  await linkModules(root)
  for (const { file, find, replace } of mutations) {
    const text = await readFile(join(root, file), 'utf8')
    const parts = text.split(find)
    if (parts.length !== 2)
      throw new Error(
        `${JSON.stringify(find)} stands ${parts.length - 1} times in ${file}; the mutation has to follow the code`,
      )
    await writeFile(join(root, file), parts.join(replace))
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

/** Libraries are shared; the workspace's own packages are the copies. */
async function linkModules(root: string): Promise<void> {
  const modules = join(repository, 'node_modules')
  await mkdir(join(root, 'node_modules/@sealwatch'), { recursive: true })
  for (const name of await readdir(modules)) {
    if (name !== '@sealwatch') await symlink(join(modules, name), join(root, 'node_modules', name))
  }
  for (const name of await readdir(join(root, 'packages'))) {
    await symlink(join(root, 'packages', name), join(root, 'node_modules/@sealwatch', name))
  }
}
