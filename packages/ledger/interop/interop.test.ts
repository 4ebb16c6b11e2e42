// SPDX-License-Identifier: Apache-2.0
// Others read what we write: the Go project's transparency log packages, and openssl.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { bundleOf, openSampleLedger, sampleHost, sealTenant, temporary, vkeys } from '../test/sample.ts'
import { tilePath, writeTiles } from '../src/log/tiles.ts'
import type { Ledger, SignedCheckpoint } from '../src/log/ledger.ts'
import { sha256 } from '../src/sha256.ts'
import { parseVkey } from '../src/verify/note.ts'

const go = '/usr/lib/go-1.19/bin/go'
const modules = '/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog'
const skip =
  existsSync(go) && existsSync(modules)
    ? false
    : 'SKIPPED: no Go verifier here; apt-get install golang-1.19-go golang-golang-x-mod-dev'

const home = await temporary()
const verifier = join(home.path, 'interop')
before(() => {
  if (skip !== false) return
  const env = { PATH: process.env.PATH, HOME: home.path, GOPATH: '/usr/share/gocode', GO111MODULE: 'off' }
  execFileSync(go, ['build', '-o', verifier, '.'], { cwd: import.meta.dirname, env })
})
after(() => home.remove())

const tenantVkey = vkeys[0] as string
const judge = (dir: string, vkey = tenantVkey) => spawnSync(verifier, [dir, vkey], { encoding: 'utf8' })
