// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryProblem } from './watch-entry.ts'

test('AGT-1 an entry is a path, or says before it what is told of it', () => {
  const good = [
    '/etc/shadow',
    '/',
    '~/.ssh',
    'changes:/etc/passwd',
    'losses,below:/var/log',
    'changes,diff:/etc/group',
    'changes,below,diff:/etc/pam.d',
    'below,changes:~/.ssh',
    'urgent:/srv/keys',
    'urgent,changes,diff:/etc/ld.so.preload',
    'losses,below,urgent:/var/log',
  ]
  for (const entry of [...good, '/a:b/changes:c', 'changes:/a b']) assert.equal(entryProblem(entry), undefined, entry)
  const bad = {
    'etc/shadow': /absolute path/,
    '': /absolute path/,
    'reads:/etc/shadow': /changes or losses/,
    'below:/etc': /changes or losses/,
    'losses,diff:/etc': /changes or losses/,
    'diff:/etc': /changes or losses/,
    'changes,losses:/etc': /changes or losses/,
    'changes,below,below:/etc': /changes or losses/,
    'urgent,urgent:/etc': /changes or losses/,
    'urgent,below:/etc': /changes or losses/,
    'changes,:/etc': /changes or losses/,
    ':/etc': /changes or losses/,
    'changes:etc': /absolute path/,
    '~root/.ssh': /absolute path/,
    'changes:/etc/../x': /without empty names/,
    '/etc/': /without empty names/,
    '/a\nb': /control characters/,
    [`/${'a'.repeat(4_095)}`]: /at most 4095 bytes/,
  }
  for (const [entry, why] of Object.entries(bad)) assert.match(entryProblem(entry) ?? '', why, entry)
  assert.match(entryProblem(7) ?? '', /a path, or words/)
})
