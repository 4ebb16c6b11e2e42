// SPDX-License-Identifier: Apache-2.0

import { scrubArguments } from '@sealwatch/base'
import { compare, type Figure } from './figure.ts'

/** As they are started on a machine that builds, installs and serves: nearly none holds a secret. */
const ordinary = [
  ['cat', '/etc/hostname'],
  ['/usr/bin/git', 'status', '--porcelain=v2', '--branch'],
  ['node', '--disable-warning=ExperimentalWarning', '--test', 'packages/contract/src/event/fields.test.ts'],
  ['gcc', '-O2', '-g', '-Wall', '-I/usr/include/x', '-DNDEBUG', '-o', 'build/main.o', '-c', 'src/main.c'],
  ['/bin/sh', '-c', 'ps aux | grep -c . && ls -la /etc && git --version'],
  ['/usr/lib/apt/methods/http'],
  ['dpkg', '--status-fd', '9', '--no-triggers', '--unpack', '--auto-deconfigure', '/tmp/apt/0-libx_1.2-1_amd64.deb'],
  ['curl', '-fsSL', 'https://deb.example.org/debian/dists/bookworm/InRelease'],
  ['grep', '-rn', 'token', 'src'],
  ['sleep', '60'],
]
const secret = [
  ['mysql', '-uroot', '-phunter2'],
  ['curl', '-H', 'Authorization: Bearer abcdef0123456789', 'https://h/x?token=abcdefgh'],
  ['sh', '-c', 'PGPASSWORD=hunter2 psql -h db'],
]
const commandsPerTurn = 200_000
const runs = 5

/** LOG-5: what it costs an event to have its arguments looked through, beside what writing them as JSON costs. */
export async function* benchRedact(): AsyncGenerator<Figure> {
  yield await scrubbing('redact.ordinary', ordinary)
  yield await scrubbing('redact.secrets', secret)
}

function scrubbing(name: string, commands: readonly (readonly string[])[]): Promise<Figure> {
  const each = (work: (argv: readonly string[]) => number) => async () => {
    let units = 0
    for (let i = 0; i < commandsPerTurn; i += 1) units += work(commands[i % commands.length] as readonly string[])
    return units > 0 ? commandsPerTurn : 0
  }
  return compare({
    name,
    unit: 'commands/s',
    runs,
    ours: each((argv) => scrubArguments(argv).length),
    peer: 'JSON.stringify of the same arguments',
    theirs: each((argv) => JSON.stringify(argv).length),
  })
}
