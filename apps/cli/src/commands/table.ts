// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import type { Command } from '../command.ts'

/**
 * All commands in the order of help, beside the module that holds them. Who types one loads that one: all together are a thousand modules,
 * which take most of the time of a short command.
 */
const modules: readonly (readonly [load: () => Promise<object>, ...names: string[]])[] = [
  [() => import('./up.ts'), 'up'],
  [() => import('./join.ts'), 'join'],
  [() => import('./down.ts'), 'down'],
  [() => import('./status.ts'), 'status'],
  [() => import('./doctor.ts'), 'doctor'],
  [() => import('./alerts.ts'), 'alerts'],
  [() => import('./incident.ts'), 'incident list', 'incident show'],
  [() => import('./events.ts'), 'events'],
  [() => import('./audit-export.ts'), 'audit export'],
  [() => import('./audit-verify.ts'), 'audit verify'],
  [() => import('./audit-fsck.ts'), 'audit fsck'],
  [() => import('./audit-page.ts'), 'audit page'],
  [() => import('./audit-tiles.ts'), 'audit tiles'],
  [() => import('./baseline.ts'), 'baseline create', 'baseline check', 'baseline diff', 'baseline show'],
  [() => import('./watch-apply.ts'), 'watch apply'],
  [() => import('./login.ts'), 'login'],
  [() => import('./host.ts'), 'host list', 'host show'],
  [() => import('./host-invite.ts'), 'host invite'],
  [() => import('./host.ts'), 'host revoke', 'host diag'],
  [
    () => import('./host-config.ts'),
    'host config list',
    'host config get',
    'host config set',
    'host config assign',
    'host config history',
    'host config diff',
    'host config rollback',
  ],
  [() => import('./guard.ts'), 'guard mode', 'guard responses', 'guard allow', 'guard allowances', 'guard disallow'],
  [
    () => import('./tenant.ts'),
    'tenant list',
    'tenant create',
    'tenant rename',
    'tenant suspend',
    'tenant resume',
    'tenant appoint',
    'tenant limit',
  ],
  [() => import('./quarantine-status.ts'), 'quarantine status'],
  [() => import('./quarantine.ts'), 'quarantine list', 'quarantine show'],
  [() => import('./quarantine-replay.ts'), 'quarantine replay'],
  [() => import('./quarantine.ts'), 'quarantine release'],
  [() => import('./strict.ts'), 'strict status', 'strict off', 'strict on'],
  [() => import('./drill-reports.ts'), 'drill list'],
  [() => import('./drill.ts'), 'drill strict-signature', 'drill key-compromise'],
  [() => import('./drill-key-theft.ts'), 'drill key-theft'],
  [() => import('./drill-reports.ts'), 'drill show', 'drill verify'],
  [() => import('./person.ts'), 'person list', 'person disable', 'person enable', 'person sign-out', 'person erase'],
  [
    () => import('./member.ts'),
    'member invite',
    'member invites',
    'member uninvite',
    'member list',
    'member grant',
    'member revoke',
  ],
  [() => import('./group.ts'), 'group list', 'group grant', 'group revoke'],
  [() => import('./rules.ts'), 'rules list'],
  [() => import('./rules-test.ts'), 'rules test'],
  [() => import('./rules.ts'), 'rules explain'],
  [() => import('./rules-backtest.ts'), 'rules backtest'],
  [() => import('./rules-except.ts'), 'rules except add', 'rules except list', 'rules except remove'],
  [() => import('./detect-analyze.ts'), 'detect analyze'],
  [() => import('./detect-settings.ts'), 'detect settings', 'detect settings set'],
  [() => import('./detect-except.ts'), 'detect except add', 'detect except list', 'detect except remove'],
  [() => import('./detect-calibrate.ts'), 'detect calibrate'],
  [() => import('./detect-feedback.ts'), 'detect feedback'],
  [() => import('./policy.ts'), 'policy list'],
  [() => import('./policy-example.ts'), 'policy example'],
  [() => import('./policy.ts'), 'policy show', 'policy validate'],
  [() => import('./policy-compare.ts'), 'policy dry-run'],
  [() => import('./policy.ts'), 'policy put'],
  [() => import('./policy-compare.ts'), 'policy diff'],
  [() => import('./policy.ts'), 'policy history', 'policy enable', 'policy disable', 'policy delete'],
  [() => import('./role.ts'), 'role list', 'role put', 'role remove'],
  [() => import('./token.ts'), 'token list', 'token create', 'token revoke'],
  [() => import('./notify.ts'), 'notify list', 'notify add', 'notify test', 'notify rotate', 'notify remove'],
  [() => import('./producer.ts'), 'producer list', 'producer add', 'producer show'],
  [() => import('./certificate.ts'), 'producer certify', 'producer certificates', 'producer revoke-certificate'],
  [() => import('./producer.ts'), 'producer halt', 'producer resume'],
  [
    () => import('./signing-key.ts'),
    'signing-key list',
    'signing-key add',
    'signing-key show',
    'signing-key revoke',
    'signing-key set-window',
  ],
  [() => import('./rotate.ts'), 'rotate start', 'rotate promote', 'rotate finish', 'rotate status'],
  [() => import('./compromise.ts'), 'compromise', 'compromise show', 'compromise verify'],
  [() => import('./signoff.ts'), 'signoff', 'signoff list', 'signoff show', 'signoff verify'],
  [() => import('./break-glass.ts'), 'break-glass open', 'break-glass list', 'break-glass acknowledge'],
  [() => import('./witness-init.ts'), 'witness init'],
  [() => import('./witness-add-log.ts'), 'witness add-log'],
  [() => import('./witness-run.ts'), 'witness run'],
  [() => import('./witness-status.ts'), 'witness status'],
  [() => import('./witness-list.ts'), 'witness list'],
  [() => import('./witness-evidence.ts'), 'witness evidence'],
  [() => import('./signing-proxy.ts'), 'signing-proxy'],
  [() => import('./signing-proxy-key.ts'), 'signing-proxy key'],
  [() => import('./manifest-sign.ts'), 'manifest key'],
  [() => import('./manifest-root.ts'), 'manifest root init'],
  [() => import('./manifest-sign.ts'), 'manifest root sign'],
  [() => import('./manifest-root.ts'), 'manifest root show', 'manifest root apply'],
  [() => import('./manifest.ts'), 'manifest create'],
  [() => import('./manifest-sign.ts'), 'manifest sign'],
  [() => import('./manifest.ts'), 'manifest collect', 'manifest verify', 'manifest show', 'manifest apply'],
  [() => import('./keys.ts'), 'keys status', 'keys rotate', 'keys rewrap', 'keys evict'],
  [() => import('./erase.ts'), 'erase subject', 'erase tenant'],
  [() => import('./version.ts'), 'version'],
  [() => import('./help.ts'), 'help'],
]

/** What these words are read against: the command that they begin with, the longest name first, or all where they name none. */
export async function commandsFor(words: readonly string[]): Promise<readonly Command[]> {
  for (const count of [3, 2, 1]) {
    const name = words.slice(0, count).join(' ')
    const [load] = modules.find(([, ...names]) => names.includes(name)) ?? []
    if (load !== undefined) return [commandIn(await load(), name)]
  }
  return allCommands()
}

export const allCommands = async (): Promise<readonly Command[]> =>
  (await Promise.all(modules.map(async ([load, ...names]) => ({ module: await load(), names })))).flatMap(
    ({ module, names }) => names.map((name) => commandIn(module, name)),
  )

function commandIn(module: object, name: string): Command {
  const found = Object.values(module).find((held: Partial<Command>) => held.name === name)
  assert(found !== undefined, name)
  return found as Command
}
