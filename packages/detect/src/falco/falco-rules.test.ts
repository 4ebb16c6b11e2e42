// SPDX-License-Identifier: Apache-2.0
// Falco's own rules, where a copy lies beside the checkout, over events that the sensor recorded (tools/record-samples.ts).

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { evaluate, evaluateEach, loadRules } from '../index.ts'
import type { Event } from './sample-files.ts'

const root = join(import.meta.dirname, '../../../..')
const path = join(root, '../shared/rules-samples/falco/falco_rules.yaml')
const skip = existsSync(path) ? false : `no Falco rules at ${path}: they are NOT tried`
const loaded = loadRules(skip ? [] : [{ path: 'falco_rules.yaml', text: readFileSync(path, 'utf8') }])

/** Falco tells of it twice: as read by whom it trusts, and by whom it does not. */
const trusted = 'Read sensitive file trusted after startup'
const recorded: Readonly<Record<string, string>> = {
  [trusted]: 'vectors/falco/sensitive-file-read-later',
  'Read sensitive file untrusted': 'rules/shadow-read.fires',
  'Run shell untrusted': 'vectors/falco/shell-by-server',
  'System user interactive': 'vectors/falco/system-user-interactive',
  'Terminal shell in container': 'vectors/falco/terminal-shell',
  'Netcat Remote Code Execution in Container': 'vectors/falco/netcat-executes',
  'Search Private Keys or Passwords': 'vectors/falco/private-keys-searched',
  'Clear Log Activities': 'rules/log-lost.fires',
  'Remove Bulk Data from Disk': 'vectors/falco/data-shredded',
  'Create Hardlink Over Sensitive Files': 'vectors/falco/shadow-linked',
  'Packet socket created in container': 'vectors/falco/packet-socket',
  'PTRACE attached to process': 'rules/ptrace-attach.fires',
  'PTRACE anti-debug attempt': 'vectors/falco/traced-by-request',
  'Find AWS Credentials': 'vectors/falco/cloud-credentials-searched',
  'Execution from /dev/shm': 'vectors/falco/dev-shm-exec-by-path',
  'Disallowed SSH Connection Non Standard Port': 'vectors/falco/ssh-to-other-port',
  'Fileless execution via memfd_create': 'rules/memfd-exec.fires',
}
/** Of the others, what no event has. */
const silent: Readonly<Record<string, readonly string[]>> = {
  'Directory traversal monitored file read': ['fd.nameraw'],
  'Contact K8S API Server From Container': ['fd.sip.name', 'k8s.ns.name'],
  'Create Symlink Over Sensitive Files': ['evt.arg.target'],
  'Redirect STDOUT/STDIN to Network Connection in Container': [],
  'Linux Kernel Module Injection Detected': ['thread.cap_effective'],
  'Debugfs Launched in Privileged Container': ['container.privileged'],
  'Detect release_agent File Container Escapes': ['thread.cap_effective'],
  'Drop and execute new binary in container': ['proc.is_exe_upper_layer'],
}
const sample = (name: string) => JSON.parse(readFileSync(join(root, `${name}.json`), 'utf8')) as Event

test('DET-2 all rules that Falco ships compile, and of each it is known whether it can fire here', { skip }, () => {
  assert.deepEqual(loaded.problems, [])
  const able = loaded.reports.flatMap(({ fires, title }) => (fires === 'never' ? [] : [title]))
  assert.deepEqual(able.sort(), Object.keys(recorded).sort())
  const missing = loaded.reports.flatMap((report) =>
    report.fires === 'never' ? [[report.title, report.missing] as const] : [],
  )
  assert.deepEqual(Object.fromEntries(missing), silent)
  assert.equal(loaded.notices.length, Object.keys(silent).length)
  for (const { title, attacks } of loaded.ruleset.rules) assert(attacks.length > 0, title)
})

test('DET-2 those that can fire for what the sensor recorded, and for what is recorded for others they do not', {
  skip,
}, async (t) => {
  for (const [title, name] of Object.entries(recorded))
    await t.test(title, () => {
      const event = sample(name)
      const fired = evaluate(loaded.ruleset, event)
      const titles = fired.map(({ rule }) => rule.title)
      assert.deepEqual(titles, title === trusted ? [trusted, 'Read sensitive file untrusted'] : [title])
      assert.notDeepEqual(fired[0]?.reasons, [])
      assert.deepEqual(evaluateEach(loaded.ruleset, event), fired)
    })
})
