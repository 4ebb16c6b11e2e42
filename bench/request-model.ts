// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { openModel } from '@sealwatch/detect/model'
import { decodeRequest, readContext } from '@sealwatch/detect/request'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { compareAll, type Figure } from './figure.ts'

const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
const request = readContext({
  method: 'POST',
  path: '/api/v1/orders',
  query: 'page=2&sort=-created_at&q=red%20shoes%20size%2042',
  headers: [
    ['Host', 'shop.example.com'],
    ['User-Agent', agent],
    ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['Accept-Language', 'en-US,en;q=0.9'],
    ['Referer', 'https://shop.example.com/list?page=1&sort=price'],
    ['Cookie', 'session=8f2b7c6d5e4f3a2b1c0d; theme=dark; _ga=GA1.2.123456789.987654321'],
    ['Content-Type', 'application/json'],
  ],
  body: Buffer.from(
    '{"items":[{"id":42,"name":"Running shoes, 42","note":"It\'s a gift, don\'t ring"}],"coupon":null}',
  ),
  address: '192.0.2.1',
})

/** DET-1: what the model costs a request of a browser, decoded already; beside ONNX Runtime on as many n-grams as one of its values has. */
export async function* benchRequestModel(runs = 5): AsyncGenerator<Figure> {
  const model = openModel()
  const { values } = decodeRequest(request)
  const requests = 20_000
  const ours = async () => {
    for (let at = 0; at < requests; at += 1) model.judge(values)
    return requests
  }
  const file = readFileSync(new URL('../packages/detect/model/request.onnx', import.meta.url))
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 })
  const hashes = new Tensor(
    'uint32',
    Uint32Array.from({ length: agent.length * 3 }, (_, at) => at * 2_654_435_761),
    [agent.length * 3],
  )
  const work = async () => {
    for (let at = 0; at < 1_000; at += 1) await session.run({ hashes })
    return 1_000
  }
  const peers = [{ name: 'ONNX Runtime, one value', work }]
  yield* compareAll({ name: 'request-model.judge', unit: 'requests/s', runs, ours, peers })
}
