// SPDX-License-Identifier: Apache-2.0

import type { KeyRange } from './ranges.ts'

/**
 * An address of either family in a form whose order as text is that of the numbers: "4" and 8 hexadecimal digits, or "6"
 * and 32. An IPv4 address written as IPv6 (::ffff:192.0.2.1) is the IPv4 address.
 */
export type AddressKey = string

const mappedPrefix = `${'0'.repeat(20)}ffff`

/** Undefined for what is no address. Leading zeros, which some read as octal, and zones are none. */
export function addressKey(text: string): AddressKey | undefined {
  const four = fourOf(text)
  if (four !== undefined) return `4${four}`
  const six = sixOf(text)
  if (six === undefined) return undefined
  return six.startsWith(mappedPrefix) ? `4${six.slice(24)}` : `6${six}`
}

/** Of an address or a prefix; `exact` is false where bits beyond the prefix are set, and `first` is then what it means. */
export function parsePrefix(
  text: string,
): { readonly range: KeyRange; readonly exact: boolean; readonly first: string } | undefined {
  const [address = '', length, ...more] = text.split('/')
  const key = addressKey(address)
  if (key === undefined || more.length > 0) return undefined
  const isFour = key.startsWith('4')
  const bits = isFour ? 32 : 128
  // A prefix of a mapped address counts the 96 bits before it.
  const before = isFour && address.includes(':') ? 96 : 0
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined
  const kept = length === undefined ? bits : Number(length) - before
  if (kept < 0 || kept > bits) return undefined
  const free = (1n << BigInt(bits - kept)) - 1n
  const number = BigInt(`0x${key.slice(1)}`)
  const keyOf = (value: bigint) => `${key[0]}${value.toString(16).padStart(bits / 4, '0')}`
  const low = number & ~free
  const first = keyOf(low)
  const exact = low === number
  return { range: [first, keyOf(low | free)], exact, first: exact ? text : `${addressText(first)}/${kept}` }
}

function fourOf(text: string): string | undefined {
  const octets = text.split('.')
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255))
    return undefined
  return octets.map((octet) => Number(octet).toString(16).padStart(2, '0')).join('')
}

function sixOf(text: string): string | undefined {
  // RFC 4291, 2.2: the last 32 bits may be written as IPv4.
  const tail = /^(.*:)(\d[\d.]*\.\d+)$/.exec(text)
  const four = tail === null ? undefined : fourOf(tail[2] ?? '')
  if (tail !== null && four === undefined) return undefined
  const written = four === undefined ? text : `${tail?.[1]}${four.slice(0, 4)}:${four.slice(4)}`
  const halves = written.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  const missing = 8 - groups.flat().length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const [head = [], rest = []] = groups
  return [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...rest]
    .map((group) => group.toLowerCase().padStart(4, '0'))
    .join('')
}

/** RFC 5952 without the shortest of ties: what a person writes. */
function addressText(key: AddressKey): string {
  const digits = key.slice(1)
  if (key.startsWith('4')) return (digits.match(/../g) ?? []).map((octet) => Number.parseInt(octet, 16)).join('.')
  const groups = (digits.match(/..../g) ?? []).map((group) => Number.parseInt(group, 16).toString(16))
  return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::')
}
