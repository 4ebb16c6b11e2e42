// SPDX-License-Identifier: Apache-2.0

/** Of /proc/PID/stat, proc_pid_stat(5). */
export type StatFacts = {
  /** Field 22: start in ticks of 10 ms of CLOCK_BOOTTIME. */
  readonly startTicks: bigint
  /** Name of the controlling terminal below /dev; null when the process has none. */
  readonly terminal: string | null
}

/** The name in parentheses may itself hold anything; fields are counted from its last parenthesis. */
export function parseStat(text: string): StatFacts | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [device, start] = [fields[4], fields[19]]
  if (!/^-?\d{1,10}$/.test(device ?? '') || !/^\d{1,19}$/.test(start ?? '')) return undefined
  return { startTicks: BigInt(start as string), terminal: terminalName(Number(device)) }
}

/** Linux Documentation/admin-guide/devices.txt; an unknown driver is told by its numbers. */
export function terminalName(device: number): string | null {
  if (device === 0) return null
  // new_encode_dev: minor bits 0 to 7, major, the rest of minor.
  const major = (device >>> 8) & 0xfff
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00)
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`
  if (major === 5 && minor === 1) return 'console'
  if (major === 204 && minor >= 64) return `ttyAMA${minor - 64}`
  if (major === 229) return `hvc${minor}`
  return `${major}:${minor}`
}
