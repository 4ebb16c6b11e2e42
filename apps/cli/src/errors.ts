// SPDX-License-Identifier: Apache-2.0

import { type ErrorKind, type ErrorTable, errorsOf, isSealwatchError, messageOf } from '@sealwatch/base'
import { exit } from './command.ts'

export const cliErrors = {
  CLI_USAGE: {
    kind: 'invalid',
    rule: 'a command line must name a command that there is, with options that it has, in their form, and all that it needs',
    advice: 'Run ./sealwatch help',
  },
  CLI_WHY: {
    kind: 'invalid',
    rule: 'who changes what others rely on says why: it enters the ledger',
    advice: 'Say why, and name nobody: --because "…"',
  },
  CLI_NEEDS_ROOT: {
    kind: 'denied',
    rule: 'this command needs root: the sensor loads BPF programs, the control socket lets only root in, and what lies in a data directory is read by its services alone',
    advice: 'Run the same again by root, with all its options: sudo ./sealwatch …',
  },
  CLI_DENIED: {
    kind: 'denied',
    rule: 'whoever asks is known to the server, and may do what they ask for',
    advice: 'Ask an admin of the tenant for a role that has the action, or for a token',
  },
  CLI_NOT_RUNNING: {
    kind: 'unavailable',
    rule: 'an instance must be running on this data directory',
    advice: 'Start it with: sudo ./sealwatch up --detach',
  },
  CLI_ALREADY_RUNNING: {
    kind: 'conflict',
    rule: 'one data directory carries one instance',
    advice: 'Use the one that runs (sudo ./sealwatch status), or stop it (sudo ./sealwatch down)',
  },
  CLI_PORT_TAKEN: {
    kind: 'unavailable',
    rule: 'the port for agents must be free',
    advice: 'Choose another with --port',
  },
  CLI_ADDRESS: {
    kind: 'invalid',
    rule: 'the address for agents is one of this machine that they reach, or 0.0.0.0 for all it has',
    advice: 'Choose one that `ip address` shows: --address ADDRESS',
  },
  CLI_JOINED: {
    kind: 'conflict',
    rule: 'a data directory is that of a server (./sealwatch up), or of a machine that has joined one (./sealwatch join)',
    advice: 'Use the command it was begun with, or another data directory: --data DIR',
  },
  CLI_DATA_UNUSABLE: {
    kind: 'denied',
    rule: 'the data directory must be writable, with free space, and open to the service users',
    advice: 'Choose another with --data DIR',
  },
  CLI_START_FAILED: {
    kind: 'unavailable',
    rule: 'server, agent and sensor must be ready within the time allowed',
    advice: 'The log named says why; sudo ./sealwatch status shows the parts',
  },
  CLI_JOIN_FAILED: {
    kind: 'unavailable',
    rule: 'the server must take this host, and the sensor attach, within the time allowed',
    advice:
      'Mend what it says and paste the line of `sealwatch host invite` again; where this host has enrolled by now, `sudo ./sealwatch join --detach` alone goes on',
  },
  CLI_STOPPED: {
    kind: 'unavailable',
    rule: 'an instance must not be stopped, by ./sealwatch down or a signal, before it is ready',
    advice: 'Start it again',
  },
  CLI_INTERRUPTED: {
    kind: 'unavailable',
    rule: 'a command must be let finish: it was ended by Ctrl-C or a signal',
    advice: 'Run it again',
  },
  CLI_STOP_FAILED: {
    kind: 'unavailable',
    rule: 'the instance must stop within the time allowed',
    advice: 'Wait longer with --timeout, or look at its logs',
  },
  CLI_SERVER_FAILED: {
    kind: 'unavailable',
    rule: 'the server must answer on its control socket',
    advice: 'See sudo ./sealwatch status and the log of the server',
  },
  CLI_NOT_FOUND: {
    kind: 'not_found',
    rule: 'what is asked for must be there',
    advice: 'List what there is: sudo ./sealwatch alerts, sudo ./sealwatch events',
  },
  CLI_FILE: {
    kind: 'denied',
    rule: 'the file must be readable, or writable where it is written',
    advice: 'Check the path and its permissions',
  },
  CLI_ARCHIVE: {
    kind: 'unverified',
    rule: 'a compressed bundle is one gzip (RFC 1952) or zstd (RFC 8878) stream that ends where the file ends',
    advice: 'Take the archive from its source again; what follows the stream was added by somebody',
  },
  CLI_CHECKPOINT: {
    kind: 'invalid',
    rule: 'a saved checkpoint is what --save-checkpoint wrote: the checkpoint of a verified ledger',
    advice: 'Verify the ledger once more with --save-checkpoint FILE, and keep that file where nobody else writes',
  },
  CLI_NOT_WHOLE: {
    kind: 'unverified',
    rule: 'tiles are written from a bundle that verifies and shows the whole ledger',
    advice: 'Export it with: sudo ./sealwatch audit export --all -o FILE',
  },
  CLI_NOT_EVIDENCE: {
    kind: 'invalid',
    rule: 'what is verified is a bundle, a directory of tiles, the chain of a host, or the data directory of an instance',
    advice: 'See ./sealwatch audit verify --help',
  },
  CLI_WATCH_LIST: {
    kind: 'invalid',
    rule: 'the watch list holds one entry a line, PATH, changes:PATH, losses:PATH, these with ,below, changes with ,diff, any of them with urgent before it, and at most 256',
    advice: 'Correct that line, then start again',
  },
  CLI_HOST_CONFIG: {
    kind: 'invalid',
    rule: 'what a group of hosts is told is JSON, of the form in docs/formats/host-config.md',
    advice: 'Correct the file, and set it again; one that is right: ./sealwatch host config get GROUP',
  },
  CLI_POLICY: {
    kind: 'invalid',
    rule: 'a policy is sent, compared or tried when nothing is wrong with it (docs/formats/policy.md)',
    advice: 'Correct what is named above; ./sealwatch policy validate FILE shows it again',
  },
  CLI_RULES: {
    kind: 'invalid',
    rule: 'rules are tried against the ledger when nothing is wrong with them (docs/rules.md)',
    advice: 'Correct what is named above; ./sealwatch rules test FILE shows it again',
  },
  CLI_CHANGED: {
    kind: 'conflict',
    rule: 'a change is made to the version that it was made from',
    advice:
      'Read it again with ./sealwatch policy show ID --json, and make your change to that; or put it with --force',
  },
  CLI_DRILL_REFUSED: {
    kind: 'conflict',
    rule: 'a drill runs where it proves something and harms nothing: strict mode on, the alert rule there, room on the disk',
    advice: 'Mend what was found, and run the drill again (docs/drills.md)',
  },
  CLI_DRILL_FILE: {
    kind: 'invalid',
    rule: 'the signed report of a drill is a JSON file, as the drill and `drill show` write it',
    advice: 'Name that file, NAME.json: NAME.html beside it is the page to read, and nobody has signed that',
  },
  CLI_MANIFEST_FILE: {
    kind: 'invalid',
    rule: 'the file is a trust root or a manifest, as `manifest root init` and `manifest create` write it',
    advice: 'Take the file from its source again, byte for byte; ./sealwatch manifest create --help',
  },
  CLI_SIGNER: {
    kind: 'invalid',
    rule: 'a signature that counts is made with a private key, Ed25519 or RSA',
    advice:
      'Name the key with --key-file FILE (make one: openssl genpkey -algorithm ed25519 -out signer.key), or a KMS, an HSM or a signing proxy with AUDIT_SIGNING_… (./sealwatch manifest sign --help)',
  },
  CLI_TRUST: {
    kind: 'invalid',
    rule: 'trust is a verifier key (name+hash+base64), or a file of at most 64 KiB: of such keys, or a trust.json',
    advice: 'Take it from trust.json in the data directory of the instance you trust',
  },
} as const satisfies ErrorTable
export const cliError = errorsOf(cliErrors)

/** What the system said about a file, by the name its user knows. */
export function fileError(path: string, cause: unknown, doing: 'writing' | 'reading' = 'writing') {
  const { code } = cause as NodeJS.ErrnoException
  const advice = doing === 'writing' ? adviceOfCode[code ?? ''] : undefined
  return cliError('CLI_FILE', {
    attempted: `${doing} ${path}`,
    received: code,
    cause,
    ...(advice === undefined ? {} : { advice }),
  })
}

const adviceOfCode: Readonly<Record<string, string>> = {
  EEXIST: 'It exists already: choose another name',
  ENOTEMPTY: 'It exists already: choose another name',
  ENOENT: 'The folder to write into does not exist: make it first',
}

const exitOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: exit.usage,
  unverified: exit.finding,
  conflict: exit.environment,
  not_found: exit.finding,
  denied: exit.environment,
  exhausted: exit.environment,
  unavailable: exit.environment,
  fatal: exit.environment,
}

export function exitCodeOf(error: unknown): number {
  return isSealwatchError(error) ? exitOfKind[error.kind] : exit.environment
}

/** One line each: what failed, the rule and the value, what to do next (which may show the end of a log). */
export function explain(error: unknown): string[] {
  if (!isSealwatchError(error)) return [messageOf(error)]
  const received = error.received === undefined ? '' : `; found ${error.received}`
  // The rule of all command lines helps nobody with this one.
  if (error.code === 'CLI_USAGE')
    return [`${error.attempted} failed (${error.code})${received}`, ...error.advice.split('\n'), error.rule]
  return [`${error.attempted} failed (${error.code})`, `${error.rule}${received}`, ...error.advice.split('\n')]
}
