// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dockerNames, storageNames } from './container-state.ts'

test("docker's and containers/storage's own files name a container and its image", () => {
  const docker = { Name: '/web', Image: 'sha256:ab', Config: { Image: 'nginx:1.25' }, State: {} }
  const image = { uid: 'sha256:ab', name: 'nginx:1.25' }
  assert.deepEqual(dockerNames(docker), { name: 'web', image })
  const metadata = JSON.stringify({ 'image-name': 'nginx:1.25' })
  const storage = [{ id: 'x' }, { id: 'y', names: ['web', 'other'], image: 'sha256:ab', metadata }]
  assert.deepEqual(storageNames(storage, 'y'), { name: 'web', image })
  assert.equal(storageNames(storage, 'x'), undefined)
  assert.equal(storageNames(storage, 'z'), undefined)
})

test('any other content says nothing, or texts of bounded length', () => {
  const json = fc.jsonValue()
  const row = fc.record({ Name: json, Image: json, Config: json, id: fc.constant('y'), names: json, metadata: json })
  fc.assert(
    fc.property(fc.oneof(json, row, fc.array(row)), (state) => {
      for (const said of [dockerNames(state), storageNames(state, 'y')])
        for (const text of [said?.name ?? '', said?.image?.uid ?? '', said?.image?.name ?? ''])
          assert(typeof text === 'string' && text.length <= 256)
    }),
  )
})
