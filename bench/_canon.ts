// @ts-nocheck
import { canonicalize } from '@sealwatch/base'
import { commitPersonal } from '../packages/ledger/src/chain/seal.ts'
import { launches } from './material.ts'
const N = 1000
const drafts = launches(N)
const events = drafts.map((d) => commitPersonal(d).event)
const sortedEvents = events.map((e) => JSON.parse(canonicalize(e)))
const t = (name, fn) => { let best = 1e9; for (let k = 0; k < 40; k++) { const a = performance.now(); fn(); best = Math.min(best, performance.now() - a) } console.log(name.padEnd(34), (best * 1e3 / N).toFixed(2), 'us') }
// A: order tree
function makeOrder(keys) { const order = keys.map((_, i) => i).sort((a, b) => (keys[a] < keys[b] ? -1 : 1)); return { keys, order, sorted: order.map((i) => keys[i]), children: keys.map(() => undefined) } }
function fits(order, value) { const { keys } = order; let i = 0; for (const k in value) { if (keys[i] !== k) return false; i++ } return i === keys.length }
function copyA(value, holder, at) {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((v) => copyA(v, holder, at))
  let order = holder[at]
  if (order === undefined || !fits(order, value)) holder[at] = order = makeOrder(Object.keys(value))
  const out = {}
  const { sorted, children } = order
  for (let i = 0; i < sorted.length; i++) { const k = sorted[i]; out[k] = copyA(value[k], children, i) }
  return out
}
const rootA = [undefined]
// B: string writer
const plain = /^[ !#-\[\]-~]*$/
function str(s) { return plain.test(s) ? '"' + s + '"' : JSON.stringify(s) }
function makeOrderB(keys) { const sorted = [...keys].sort(); return { keys, sorted, heads: sorted.map((k, i) => (i ? ',' : '{') + JSON.stringify(k) + ':'), children: keys.map(() => undefined) } }
function writeB(value, holder, at) {
  if (typeof value === 'string') return str(value)
  if (typeof value === 'number') { if (!Number.isFinite(value)) throw 1; return String(value) }
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) { let t = '['; for (let i = 0; i < value.length; i++) t += (i ? ',' : '') + writeB(value[i], holder, at); return t + ']' }
  let order = holder[at]
  if (order === undefined || !fits(order, value)) holder[at] = order = makeOrderB(Object.keys(value))
  const { sorted, heads, children } = order
  if (sorted.length === 0) return '{}'
  let text = ''
  for (let i = 0; i < sorted.length; i++) text += heads[i] + writeB(value[sorted[i]], children, i)
  return text + '}'
}
const rootB = [undefined]
const out = Buffer.allocUnsafeSlow(1 << 16)
for (const e of events) { if (JSON.stringify(copyA(e, rootA, 0)) !== canonicalize(e)) throw new Error('A'); if (writeB(e, rootB, 0) !== canonicalize(e)) throw new Error('B') }
for (let r = 0; r < 2; r++) {
t('canonicalize + write', () => { for (const e of events) out.write(canonicalize(e), 0) })
t('sorted already + write', () => { for (const e of sortedEvents) out.write(canonicalize(e), 0) })
t('A + write', () => { for (const e of events) out.write(JSON.stringify(copyA(e, rootA, 0)), 0) })
t('A copy only', () => { for (const e of events) copyA(e, rootA, 0) })
t('B + write', () => { for (const e of events) out.write(writeB(e, rootB, 0), 0) })
}
t('commitPersonal', () => { for (const d of drafts) commitPersonal(d) })
