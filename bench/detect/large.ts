// SPDX-License-Identifier: Apache-2.0

import { gzipSync } from 'node:zlib'
import { type RequestContext, readContext } from '@sealwatch/detect/request'
import { medianOf } from '../figure.ts'
import type { Contender } from './contender.ts'

const form = 'application/x-www-form-urlencoded'
const [megabyte, rounds] = [1_024 * 1_024, 20]

function post(
  type: string,
  body: string | Uint8Array,
  more: readonly (readonly [string, string])[] = [],
): RequestContext {
  const headers = [
    ['Host', 'shop.example.com'],
    ['Content-Type', type],
    ['Content-Length', String(body.length)],
    ...more,
  ]
  return readContext({
    method: 'POST',
    path: '/upload',
    query: '',
    headers: headers as [string, string][],
    body: typeof body === 'string' ? Buffer.from(body, 'latin1') : body,
    address: '192.0.2.1',
  })
}

const get = (path: string, query: string, headers: readonly (readonly [string, string])[]): RequestContext =>
  readContext({ method: 'GET', path, query, headers, address: '192.0.2.1' })

const filled = (unit: string, bytes: number) => unit.repeat(Math.ceil(bytes / unit.length)).slice(0, bytes)
const prose =
  'We moved the select committee to 4 p.m. <b>Order</b> by price; union and drop-in "sessions" cost 5% more. '

/** What is meant to take long: each as it comes, by name. */
export const largeRequests: readonly (readonly [name: string, make: () => RequestContext])[] = [
  ['a form of 64 KB, prose', () => post(form, `text=${encodeURIComponent(filled(prose, 64 * 1_024))}`)],
  ['JSON of 64 KB, 1,000 members', () => post('application/json', membersOf(1_000, 40))],
  ['JSON of 1 MB', () => post('application/json', membersOf(16_000, 40))],
  ['a form of 100 MB', () => post(form, `text=${filled('a b ', 100 * megabyte)}`)],
  ['10,000 parameters', () => post(form, Array.from({ length: 10_000 }, (_, i) => `p${i}=it's+${i}`).join('&'))],
  ['JSON nested 100,000 deep', () => post('application/json', '[{"a":'.repeat(100_000))],
  ['a bomb of 64 MB in gzip', () => post(form, bomb(), [['Content-Encoding', 'gzip']])],
  ['multipart, 2,000 parts', () => post('multipart/form-data; boundary=x', partsOf(2_000))],
  ['a path of 1 MB of "../"', () => get(filled('/..', megabyte), '', [])],
  ['a query of 1 MB of "%2525"', () => get('/', filled('q=%2525', megabyte), [])],
  ['a query of 1 MB, parameters', () => get('/', filled("a=it's&", megabyte), [])],
  ['cookies of 1 MB', () => get('/', '', [['Cookie', filled("a=it's; ", megabyte - 6)]])],
  ['2,000 headers of 500 bytes', () => get('/', '', Array(2_000).fill(['X', filled(prose, 500)]))],
  ...[
    "' or 1=1 -- ",
    "' union select /*",
    '<svg onload=',
    '../',
    '%2525',
    '&#x3c;',
    '\\u003c',
    ';cat /etc/passwd ',
    '${jndi:',
    '\n',
    '\xc3\xa9',
    '$(`',
  ].map((unit) => [`a value of 96 KB of ${JSON.stringify(unit)}`, () => worst(unit)] as const),
]

const worst = (unit: string) => post('application/json', JSON.stringify({ q: filled(unit, 96 * 1_024) }))

function membersOf(count: number, chars: number): string {
  return JSON.stringify(
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, prose.slice(i % 50, (i % 50) + chars)])),
  )
}

function partsOf(count: number): string {
  const part = (i: number) =>
    `--x\r\nContent-Disposition: form-data; name="f${i}"; filename="a${i}.txt"\r\n\r\n${prose}\r\n`
  return `${Array.from({ length: count }, (_, i) => part(i)).join('')}--x--\r\n`
}

const bomb = () => gzipSync(Buffer.alloc(64 * megabyte))

/** Milliseconds of each: the middle one, and the longest. */
export async function largeTable(contenders: readonly Contender[]): Promise<string> {
  const lines: string[] = []
  for (const [name, make] of largeRequests) {
    const context = make()
    const cells: string[] = []
    for (const { turn } of contenders) {
      const times: number[] = []
      for (let round = 0; round < rounds; round += 1)
        times.push(...(await turn([context])).outcomes.map(({ us }) => us))
      cells.push(`${ms(medianOf(times))} / ${ms(Math.max(...times))}`)
    }
    lines.push(`| ${name} | ${cells.join(' | ')} |`)
  }
  const head = `| ms: p50 / max of ${rounds} | ${contenders.map(({ name }) => name).join(' | ')} |`
  return [head, `|---${'|---'.repeat(contenders.length)}|`, ...lines].join('\n')
}

const ms = (us: number) => (us / 1_000).toPrecision(2)
