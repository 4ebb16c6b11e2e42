// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { longFiles, rules } from './tidy.ts'

/** Each rule with a tree it accepts and trees that differ from it in one thing. */
const cases: Record<string, { good: Record<string, string>; bad: Record<string, Record<string, string>> }> = {
  imports: {
    good: {
      'packages/ledger/src/a.ts': "import { x } from '@sealwatch/base'\nimport { y } from './b.ts'",
      'apps/server/src/ingest/a.ts': "import { s } from '../store/index.ts'\nimport { t } from './inner/t.ts'",
      'apps/server/src/compose.ts': "import { i } from './ingest/index.ts'",
      'apps/server/src/ingest/a.test.ts': "import { s } from '../store/store.ts'",
    },
    bad: {
      'a package imports an app': { 'packages/base/src/a.ts': "import { x } from '@sealwatch/server'" },
      'a package imports one above it': {
        'packages/base/src/a.ts': "import type { x } from '@sealwatch/ledger/verify'",
      },
      'an app imports another by path': { 'apps/cli/src/a.ts': "import { x } from '../../server/src/x.ts'" },
      'a package is re-exported by path': { 'apps/cli/src/a.ts': "export * from '../../../packages/base/src/log.ts'" },
      'an import is dynamic': { 'packages/base/src/a.ts': "const x = await import('@sealwatch/keys')" },
      'an import has many lines': { 'packages/base/src/a.ts': "import {\n  x,\n} from '@sealwatch/keys'" },
      'a slice imports one to its right': { 'apps/server/src/store/a.ts': "import { x } from '../ingest/index.ts'" },
      'a slice imports the inside of another': {
        'apps/server/src/ingest/a.ts': "import { x } from '../store/store.ts'",
      },
      'compose imports the inside of a slice': { 'apps/server/src/compose.ts': "import { x } from './store/store.ts'" },
      'a slice is not known': { 'apps/server/src/ingest/a.ts': "import { x } from '../misc/index.ts'" },
      'the dashboard imports the whole ledger': { 'apps/dashboard/src/a.ts': "import { x } from '@sealwatch/ledger'" },
    },
  },
  declared: {
    good: {
      'packages/base/package.json': '{"name":"@sealwatch/base","dependencies":{"canonicalize":"1"}}',
      'packages/base/src/a.ts':
        "import c from 'canonicalize'\nimport { x } from 'node:fs'\nimport '@sealwatch/base/json'",
      'packages/base/src/a.test.ts': "import fc from 'fast-check'",
    },
    bad: {
      'a dependency that only a neighbour names': {
        'packages/base/package.json': '{"name":"@sealwatch/base"}',
        'packages/base/src/a.ts': "import { parse } from 'yaml'",
      },
      'a part of a scoped one': {
        'packages/base/package.json': '{"name":"@sealwatch/base"}',
        'packages/base/src/a.ts': "import { x } from '@bufbuild/protobuf/codegenv2'",
      },
    },
  },
  outgoing: {
    good: {
      'apps/server/src/a.ts':
        "import { createServer, type RequestListener } from 'node:http'\nconst x = await prefetch(y)",
      'apps/server/src/b.ts': "import type { Outgoing } from '@sealwatch/base/outgoing'\nsource.fetch(1)",
      'apps/server/src/a.test.ts': "await fetch('http://localhost')",
      'apps/cli/src/a.ts': "import { request } from 'node:http'",
    },
    bad: {
      fetch: { 'apps/server/src/a.ts': "await fetch('https://a.example')" },
      'fetch by another name': { 'apps/server/src/a.ts': 'const call = globalThis.fetch' },
      'the request of node': { 'apps/server/src/a.ts': "import { createServer, request as ask } from 'node:https'" },
    },
  },
  environment: {
    good: {
      'apps/cli/src/main.ts': 'process.env.X',
      'apps/cli/src/a.test.ts': 'process.env.X',
      'apps/cli/src/b.ts': 'process.pid',
    },
    bad: {
      env: { 'apps/cli/src/a.ts': 'const x = process.env.X' },
      argv: { 'packages/base/src/a.ts': 'process.argv.slice(2)' },
    },
  },
  time: {
    good: {
      'packages/base/src/clock.ts': 'Date.now()',
      'apps/cli/src/a.ts': 'clock.nowMs(); session.setTimeout(1); new Date(ms)',
      'apps/cli/src/a.test.ts': 'setTimeout(f, 1)',
    },
    bad: {
      now: { 'apps/cli/src/a.ts': 'const t = Date.now()' },
      date: { 'apps/cli/src/a.ts': 'const t = new Date()' },
      random: { 'apps/cli/src/a.ts': 'Math.random()' },
      timer: { 'apps/cli/src/a.ts': 'setTimeout(f, 5)' },
      interval: { 'packages/keys/src/a.ts': 'setInterval(f, 5)' },
      'timer module': { 'packages/keys/src/a.ts': "import { setImmediate } from 'node:timers'" },
    },
  },
  licence: {
    good: {
      'packages/a.ts': '// SPDX-License-Identifier: Apache-2.0\n',
      'tools/x': '#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\n',
      'packages/contract/src/gen/x_pb.ts': 'generated',
    },
    bad: {
      typescript: { 'packages/a.ts': 'export {}' },
      c: { 'apps/sensor/a.c': 'int main;' },
      script: { 'tools/x': '#!/bin/sh\necho' },
      'too late': { 'packages/a.ts': 'a\nb\n// SPDX-License-Identifier: Apache-2.0' },
    },
  },
  browser: {
    good: {
      'packages/base/package.json': '{"exports":{".":"./src/index.ts","./errors":"./src/errors.ts"}}',
      'packages/base/src/errors.ts': 'export {}',
      'packages/base/src/index.ts': "import 'node:fs'",
      'packages/ledger/src/verify/index.ts': "export * from './merkle.ts'\nimport '@sealwatch/base/errors'",
      'packages/ledger/src/verify/merkle.ts': 'export {}',
    },
    bad: {
      directly: { 'packages/base/src/json.ts': "import { x } from 'node:util'" },
      'behind a neighbour': {
        'packages/ledger/src/verify/index.ts': "export * from './merkle.ts'",
        'packages/ledger/src/verify/merkle.ts': "import { hash } from 'node:crypto'",
      },
      'behind another package': {
        'packages/base/package.json': '{"exports":{".":"./src/index.ts"}}',
        'packages/base/src/index.ts': "import 'node:fs'",
        'packages/ledger/src/verify/index.ts': "import '@sealwatch/base'",
      },
    },
  },
  paths: {
    good: {
      'README.md': 'it works from home/office well; see docs/home/',
      'package-lock.json': '"resolved": "packages/base"',
    },
    bad: {
      'a folder of one machine': { 'docs/x.md': 'run /home/alice/sealwatch' },
      'a registry of one machine': { 'package-lock.json': '      "resolved": "https://registry.example/x.tgz"' },
    },
  },
  unfinished: {
    good: { 'README.md': 'to do it well' },
    bad: { code: { 'apps/cli/src/a.ts': '// TODO: later' }, document: { 'docs/a.md': 'FIXME' } },
  },
  map: {
    good: {
      'packages/base/a.ts': '',
      'apps/cli/a.ts': '',
      'ARCHITECTURE.md': '`packages/base/` errors\n  cli/   commands',
    },
    bad: {
      'a room is missing': {
        'packages/base/a.ts': '',
        'apps/cli/a.ts': '',
        'ARCHITECTURE.md': '`packages/base`: errors',
      },
    },
  },
  dependencies: {
    good: { 'package.json': '{"devDependencies":{"yaml":"2"}}', 'docs/dependencies.md': '| `yaml` | ISC |' },
    bad: {
      'a dependency is missing': { 'package.json': '{"dependencies":{"yaml":"2"}}', 'docs/dependencies.md': 'none' },
      'only its name as part of another is there': {
        'apps/cli/package.json': '{"optionalDependencies":{"ws":"2"}}',
        'docs/dependencies.md': '`ws-extra`',
      },
    },
  },
}

for (const rule of rules) {
  describe(`tidy: ${rule.name}`, () => {
    const { good = {}, bad = {} } = cases[rule.name] ?? {}
    test('accepts what is in order', () => assert.deepEqual(rule.check(new Map(Object.entries(good))), []))
    test('has a case that fails', () => assert.notDeepEqual(bad, {}))
    for (const [name, tree] of Object.entries(bad)) {
      test(`finds: ${name}`, () => {
        const [first] = rule.check(new Map(Object.entries(tree)))
        assert.match(first?.message ?? 'nothing found', /: .{10}/, 'the message says what to do instead')
      })
    }
  })
}

test('tidy: a long file is a hint', () => {
  const tree = new Map([['apps/cli/src/a.ts', 'x\n'.repeat(301)]])
  assert.equal(longFiles(tree).length, 1)
})
