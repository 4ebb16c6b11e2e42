// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { actorFields } from './actor-fields.ts'
import { operators } from './comparison.ts'
import { suppliedFields } from './field-types.ts'
import { kinds } from './kinds.ts'

const page = readFileSync(join(import.meta.dirname, '../../../../docs/formats/falco.md'), 'utf8')
const sections = page.split(/^## /m)
const section = (number: number) => sections[number] as string
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)
const fieldForm = /^(?:evt|proc|thread|user|group|container|k8s|fd|fs)\.[\w.]+$/
const rowsOf = (text: string) =>
  [...text.matchAll(/^\| (.*) \|$/gm)].slice(1).map(([, cells = '']) => cells.split(' | '))

test('DET-2 the page on Falco names each field that events have, and no other', () => {
  const about = section(3).slice(section(3).indexOf('3.1'))
  const inTable = rowsOf(section(4)).flatMap(([fields = '']) => quoted(fields))
  const named = [...quoted(about), ...inTable].filter((name) => fieldForm.test(name))
  assert.deepEqual([...new Set(named)].sort(), suppliedFields)
  for (const name of Object.keys(actorFields)) assert(inTable.includes(name), name)
})

test('DET-2 the page on Falco names the calls of each kind of event, and every operator', () => {
  const rows = rowsOf(section(3))
  const calls = (text: string) => (text.startsWith('as ') ? quoted(rows[2]?.[1] ?? '') : quoted(text))
  const told = rows.flatMap(([events = '', types = '']) => {
    const [code, ...others] = quoted(events)
    const isChange = code === 'file_change'
    const about = isChange ? others.map((change) => `file_change ${change}`) : [code, ...others]
    return about.flatMap((one) => calls(types).map((call) => `${one} ${call}`))
  })
  const meant = kinds.flatMap(({ code, where, fields }) => {
    const one = code === 'file_change' ? `${code} ${where?.value}` : code
    return (fields['evt.type']?.oneOf ?? []).flatMap((call) => (call === undefined ? [] : [`${one} ${call}`]))
  })
  assert.deepEqual([...new Set(told)].sort(), [...new Set(meant)].sort())
  for (const name of Object.keys(operators)) assert(section(2).includes(`\`${name}\``), name)
})
