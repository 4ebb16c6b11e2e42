// SPDX-License-Identifier: Apache-2.0

type Numbers = Float64Array | Uint32Array | Uint8Array

/** A list of numbers that grows by half: a copy now and then, and never an object for each. */
export type Column = {
  readonly length: number
  at(row: number): number
  push(value: number): void
  set(row: number, value: number): void
}

const firstCapacity = 1024

export function column(type: new (length: number) => Numbers): Column {
  let values = new type(firstCapacity)
  let length = 0
  const check = (row: number) => {
    if (!(row >= 0 && row < length)) throw new RangeError(`there is no row ${row} in ${length}`)
  }
  return {
    get length() {
      return length
    },
    at: (row) => {
      check(row)
      return values[row] as number
    },
    push: (value) => {
      if (length === values.length) {
        const grown = new type(Math.ceil(length * 1.5))
        grown.set(values)
        values = grown
      }
      values[length] = value
      length += 1
    },
    set: (row, value) => {
      check(row)
      values[row] = value
    },
  }
}
