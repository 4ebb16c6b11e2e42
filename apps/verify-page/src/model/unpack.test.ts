// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { unpacked } from './unpack.ts'
import { unreadVerdict } from './verdict.ts'

const text = '{"bundle":{}}\n'
const textOf = async (...parts: BlobPart[]) => await (await unpacked(new Blob(parts))).slice().text()

test('a bundle is read as it is and as one gzip stream, and nothing may follow that', async () => {
  const gz = gzipSync(text)
  assert.equal(await textOf(text), text)
  assert.equal(await textOf(gz), text)
  for (const bad of [[gz, 'more'], [gz, gz], [gz.subarray(0, -3)]])
    await assert.rejects(textOf(...bad), { code: 'FILE_NOT_ONE_STREAM' })
  await assert.rejects(unpacked(new Blob([gz]), text.length - 1), { code: 'FILE_COMPRESSED' })
})

test('what is compressed otherwise is to be unpacked, and nobody is accused', async () => {
  const xz = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)
  for (const bytes of [zstdCompressSync(text), xz]) {
    const error = await unpacked(new Blob([bytes])).then(
      () => assert.fail(),
      (refusal) => refusal,
    )
    assert.equal(error.code, 'FILE_COMPRESSED')
    const { title, summary, problem } = unreadVerdict(error)
    assert.match(`${title}. ${summary}`, /compressed.*npack it first/)
    assert.doesNotMatch(summary, /not what was signed/)
    assert.match(problem?.advice ?? '', /Unpack it first/)
  }
})
