// SPDX-License-Identifier: Apache-2.0
// A machine of one core, without KVM, so that it runs wherever these tests do. Its root is this machine's, read-only.

import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Image } from './images.ts'

/** Only for a machine that hangs: beside others it has a part of one core. */
const limitMs = 4 * 60 * 60_000

/** Runs guest.sh on this kernel. Gives the console's text; what the guest wrote lies in `results`. */
export async function runOn({ vmlinuz, initramfs }: Image, results: string): Promise<string> {
  rmSync(results, { recursive: true, force: true })
  mkdirSync(results, { recursive: true })
  const share = (path: string, tag: string, more: string) =>
    ['-virtfs', `local,path=${path},mount_tag=${tag},security_model=passthrough,multidevs=remap${more}`] as const
  const console = join(results, 'console.txt')
  const machine = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'qemu-system-x86_64'], // ends with the test, however that ends
      // One thread, and a CPU that TCG can be: 6.12 does not come up on others.
      ...['-accel', 'tcg,thread=single', '-cpu', 'EPYC', '-smp', '1', '-m', '3072'],
      ...['-nodefaults', '-no-reboot', '-display', 'none', '-serial', `file:${console}`],
      ...['-kernel', vmlinuz, '-initrd', initramfs],
      // The LSM of BPF is built into Debian's kernels, and off unless it is named here (5.10). On a busy host the timer comes too late
      // for the kernel's own check of it.
      ...[
        '-append',
        `console=ttyS0 quiet panic=-1 no_timer_check lsm=landlock,lockdown,yama,bpf sealwatch.guest=${guest}`,
      ],
      ...share('/', 'host', ',readonly=on'),
      ...share(results, 'results', ''),
    ],
    { stdio: 'ignore', timeout: limitMs },
  )
  await new Promise((resolve) => machine.once('close', resolve))
  return readFileSync(console, 'utf8')
}

const guest = join(import.meta.dirname, 'guest.sh')
