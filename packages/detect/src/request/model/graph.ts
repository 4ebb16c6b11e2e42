// SPDX-License-Identifier: Apache-2.0

import { message, number, packed, real, text, type Wire } from './protobuf.ts'

/** How many of everything the one graph has that is a model of ours. */
export const shape = { slotBits: 17, slots: 1 << 17, width: 8, hidden: 16 } as const

/** Raw data as ONNX keeps it: little-endian, row by row. */
export type TensorName = keyof typeof tensors
type Tensor = { readonly type: number; readonly size: 1 | 4 | 8; readonly dims: readonly number[] }

/** TensorProto.DataType and AttributeProto.AttributeType of onnx.proto3. */
const [FLOAT, INT8, INT32, INT64, UINT32] = [1, 3, 6, 7, 12] as const
const [AS_FLOAT, AS_INT, AS_STRING] = [1, 2, 3] as const

const { slotBits, slots, width, hidden } = shape
export const tensors = {
  /** Of each slot the n-gram that it belongs to; what only falls into it weighs nothing. */
  ngrams: { type: INT32, size: 4, dims: [slots] },
  embeddings: { type: INT8, size: 1, dims: [slots, width] },
  /** What 1 of an embedding stands for. */
  scale: { type: FLOAT, size: 4, dims: [] },
  w1: { type: FLOAT, size: 4, dims: [width, hidden] },
  b1: { type: FLOAT, size: 4, dims: [hidden] },
  w2: { type: FLOAT, size: 4, dims: [hidden, 1] },
  b2: { type: FLOAT, size: 4, dims: [1] },
} as const satisfies Readonly<Record<string, Tensor>>

/** No weights: what else the graph must know. */
const constants = {
  shift: { type: UINT32, size: 4, dims: [], value: 32 - slotBits },
  one: { type: FLOAT, size: 4, dims: [], value: 1 },
  axis0: { type: INT64, size: 8, dims: [1], value: 0 },
  axis1: { type: INT64, size: 8, dims: [1], value: 1 },
} as const

/** operator, inputs, output, attributes (name, AttributeType, value). Operators as opset 17 has them. */
const nodes: readonly (readonly [string, readonly string[], string, (readonly [string, number, number | string])?])[] =
  [
    ['BitShift', ['hashes', 'shift'], 'upper', ['direction', AS_STRING, 'RIGHT']],
    ['Cast', ['upper'], 'slot', ['to', AS_INT, INT64]],
    ['Cast', ['hashes'], 'wanted', ['to', AS_INT, INT64]],
    ['Gather', ['ngrams', 'slot'], 'owner'],
    ['Cast', ['owner'], 'unsigned', ['to', AS_INT, UINT32]],
    ['Cast', ['unsigned'], 'held', ['to', AS_INT, INT64]],
    ['Equal', ['held', 'wanted'], 'isKnown'],
    ['Cast', ['isKnown'], 'known', ['to', AS_INT, FLOAT]],
    ['Gather', ['embeddings', 'slot'], 'rows'],
    ['Cast', ['rows'], 'real', ['to', AS_INT, FLOAT]],
    ['Unsqueeze', ['known', 'axis1'], 'mask'],
    ['Mul', ['real', 'mask'], 'masked'],
    ['ReduceSum', ['masked', 'axis0'], 'sum'],
    ['Size', ['hashes'], 'size'],
    ['Cast', ['size'], 'count', ['to', AS_INT, FLOAT]],
    ['Max', ['count', 'one'], 'atLeastOne'],
    ['Sqrt', ['atLeastOne'], 'root'],
    ['Mul', ['sum', 'scale'], 'scaled'],
    ['Div', ['scaled', 'root'], 'pooled'],
    ['Gemm', ['pooled', 'w1', 'b1'], 'linear'],
    ['LeakyRelu', ['linear'], 'active', ['alpha', AS_FLOAT, 0.0625]],
    ['Gemm', ['active', 'w2', 'b2'], 'logit'],
    ['Sigmoid', ['logit'], 'probability'],
  ]

export type Layout = {
  /** The file, with zeros where the weights go. */
  readonly template: Uint8Array
  readonly places: Readonly<Record<TensorName, { readonly from: number; readonly to: number }>>
}

/**
 * The ONNX file (onnx.proto3, IR version 8, opset 17) of our one graph: `hashes`, uint32 [n], the n-grams of a window, to
 * `logit` and `probability` under even odds, float [1, 1]. It is always written the same way, so that reading is comparing.
 */
export function layOut(): Layout {
  const named = Object.entries(tensors).map(([name, tensor]) => ({
    name: name as TensorName,
    ...tensorOf(name, tensor),
  }))
  const graph = message(7, [
    ...nodes.map(([operator, inputs, output, attribute]) =>
      message(1, [
        ...inputs.map((input) => text(1, input)),
        text(2, output),
        text(4, operator),
        ...(attribute === undefined ? [] : [attributeOf(...attribute)]),
      ]),
    ),
    text(2, 'sealwatch-request'),
    ...named.map(({ wire }) => wire),
    ...Object.entries(constants).map(([name, constant]) => constantOf(name, constant)),
    message(11, [text(1, 'hashes'), valueType(UINT32, [text(2, 'n')])]),
    ...['probability', 'logit'].map((name) =>
      message(12, [text(1, name), valueType(FLOAT, [number(1, 1), number(1, 1)])]),
    ),
  ])
  const head = [number(1, 8), text(2, 'sealwatch'), graph, message(8, [text(1, ''), number(2, 17)])]
  const template = new Uint8Array(head.reduce((sum, part) => sum + part.bytes, 0))
  const starts = new Map<Uint8Array, number>()
  let at = 0
  for (const piece of head.flatMap(({ pieces }) => pieces)) {
    template.set(piece, at)
    starts.set(piece, at)
    at += piece.length
  }
  const placeOf = ({ name, data }: (typeof named)[number]) => {
    const from = starts.get(data) as number
    return [name, { from, to: from + data.length }] as const
  }
  return { template, places: Object.fromEntries(named.map(placeOf)) as Layout['places'] }
}

function tensorOf(name: string, { type, size, dims }: Tensor): { data: Uint8Array; wire: Wire } {
  const bytes = dims.reduce((product, dim) => product * dim, size)
  const data = new Uint8Array(bytes)
  return { data, wire: initializer(name, type, dims, data) }
}

function constantOf(name: string, { type, size, dims, value }: (typeof constants)[keyof typeof constants]): Wire {
  const view = new DataView(new ArrayBuffer(size))
  if (type === FLOAT) view.setFloat32(0, value, true)
  else view.setUint32(0, value, true)
  return initializer(name, type, dims, new Uint8Array(view.buffer))
}

const initializer = (name: string, type: number, dims: readonly number[], data: Uint8Array): Wire =>
  message(5, [...dims.map((dim) => number(1, dim)), number(2, type), text(8, name), packed(9, data)])

function attributeOf(name: string, type: number, value: number | string): Wire {
  const held = typeof value === 'string' ? text(4, value) : type === AS_FLOAT ? real(2, value) : number(3, value)
  return message(5, [text(1, name), held, number(20, type)])
}

const valueType = (type: number, dims: readonly Wire[]): Wire =>
  message(2, [
    message(1, [
      number(1, type),
      message(
        2,
        dims.map((dim) => message(1, [dim])),
      ),
    ]),
  ])
