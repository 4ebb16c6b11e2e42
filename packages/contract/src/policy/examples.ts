// SPDX-License-Identifier: Apache-2.0

import type { PolicyDocument } from './document.ts'

/**
 * One whole policy of each type, to start from. All are switched off: what is put by mistake changes nothing. As they are written,
 * not as they are kept, so that they show what may be left out.
 */
export const policyExamples = {
  network: {
    type: 'network',
    name: 'Web servers',
    enabled: false,
    hosts: ['web-*'],
    default: 'allow',
    lists: { addresses: { admins: ['192.0.2.0/24', '2001:db8::/32'] } },
    rules: [
      {
        id: 'ssh-from-admins',
        action: 'allow',
        direction: 'inbound',
        protocols: ['tcp'],
        addresses: ['@admins'],
        ports: [22],
      },
      { id: 'no-other-ssh', action: 'deny', direction: 'inbound', protocols: ['tcp'], ports: [22] },
      { id: 'no-telnet', action: 'deny', direction: 'outbound', protocols: ['tcp'], ports: [23] },
    ],
  },
  file: {
    type: 'file',
    name: 'Sensitive files',
    enabled: false,
    rules: [
      {
        id: 'password-hashes',
        paths: ['/etc/shadow', '/etc/gshadow'],
        operations: ['read', 'write'],
        may: [
          { executables: ['/usr/bin/passwd', '/usr/sbin/unix_chkpwd'] },
          { executables: ['/usr/sbin/sshd'], users: [0] },
        ],
      },
      { id: 'keys-of-root', paths: ['/root/.ssh/**'], may: [{ users: ['root'] }] },
    ],
  },
  process: {
    type: 'process',
    name: 'Programs',
    enabled: false,
    default: 'allow',
    rules: [
      { id: 'shared-memory', action: 'deny', executables: ['/dev/shm/**', '/tmp/**'] },
      { id: 'no-shell-of-nginx', action: 'deny', executables: ['/usr/bin/*sh'], ancestors: ['/usr/sbin/nginx'] },
    ],
  },
  detection: {
    type: 'detection',
    name: 'Thresholds and exceptions',
    enabled: false,
    rules: [
      {
        id: 'backup-reads-all',
        kind: 'exception',
        reason: 'The nightly backup reads every file',
        until: '2030-01-01T00:00:00Z',
        executables: ['/usr/bin/restic'],
      },
      { id: 'from-medium', kind: 'threshold', alert_from: 'medium' },
    ],
  },
  response: {
    type: 'response',
    name: 'Responses',
    enabled: false,
    rules: [{ id: 'tell', action: 'notify', mode: 'dry_run', severity_from: 'high', cooldown_seconds: 300 }],
  },
  retention: {
    type: 'retention',
    name: 'How long entries are kept',
    enabled: false,
    rules: [
      { id: 'telemetry', classes: ['process', 'network', 'other'], days: 30 },
      { id: 'evidence', classes: ['finding', 'administration'], days: 730 },
    ],
  },
} as const satisfies Readonly<Record<PolicyDocument['type'], object>>
