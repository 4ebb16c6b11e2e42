// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'

export const detectErrors = {
  RULE_TOO_LARGE: { kind: 'exhausted', rule: 'a rule file has a limit of size', advice: 'Split the rule' },
  RULE_TOO_MANY: { kind: 'exhausted', rule: 'there is a limit to this', advice: 'Use fewer' },
  RULE_YAML: {
    kind: 'invalid',
    rule: 'a rule file is YAML 1.2 with unique keys and no aliases',
    advice: 'Correct the YAML',
  },
  RULE_SHAPE: { kind: 'invalid', rule: 'this member of a Sigma rule has another form', advice: 'Correct its form' },
  RULE_UNKNOWN_MEMBER: {
    kind: 'invalid',
    rule: 'a Sigma rule has no member of this name',
    advice: 'Remove it, or correct its spelling',
  },
  RULE_FIELD: {
    kind: 'invalid',
    rule: 'a field must be one that the log source has',
    advice: 'See the fields of the log source in docs/formats/event.md, 8',
  },
  RULE_MODIFIER: {
    kind: 'invalid',
    rule: 'modifiers are those of Sigma 2.1 that this engine knows, in a combination that has a meaning',
    advice: 'Correct the modifiers behind the |',
  },
  RULE_VALUE: { kind: 'invalid', rule: 'the value must suit its modifiers', advice: 'Correct the value' },
  RULE_PLACEHOLDER: {
    kind: 'invalid',
    rule: 'a placeholder behind |expand has values',
    advice: 'Give it some in a document of the form "placeholders: {NAME: [VALUE, …]}"',
  },
  RULE_CONDITION: {
    kind: 'invalid',
    rule: 'a condition joins selections by and, or, not, parentheses, "1 of" and "all of"',
    advice: 'Correct the condition',
  },
  RULE_REGEX: {
    kind: 'invalid',
    rule: 'regular expressions are those that run in linear time: no look-around, no back-references',
    advice: 'Rewrite the expression, or split it over two selections',
  },
  RULE_REFERENCE: {
    kind: 'invalid',
    rule: 'a correlation is about rules, or other correlations, that are loaded',
    advice: 'Correct the id or the name',
  },
  RULE_DUPLICATE: {
    kind: 'conflict',
    rule: 'each rule has an id of its own',
    advice: 'Give the newer rule a new UUID',
  },
  REQUEST_THRESHOLDS: {
    kind: 'invalid',
    rule: 'the scores from which a request is observed, challenged and blocked are whole numbers that rise from 1 to 100',
    advice: 'Put them in that order',
  },
  REQUEST_RULES: {
    kind: 'invalid',
    rule: 'rules over requests are files in SecLang, *.conf, in a folder or in its folder rules, and what they read, *.data, beside them',
    advice: 'Name the folder of a core rule set as it is unpacked',
  },
  CONTEXT_SHAPE: {
    kind: 'invalid',
    rule: 'a request to judge has method, url, address and headers as pairs; its text is latin1',
    advice: 'Hand over the bytes as the server received them',
  },
  CONTEXT_TOO_LARGE: {
    kind: 'exhausted',
    rule: 'a request to judge has limits of size',
    advice: 'Hand over the beginning and the end of it',
  },
  JUDGE_URL: {
    kind: 'invalid',
    rule: 'a server that judges requests is asked by https, or by http on this machine',
    advice: 'Name its origin: https://HOST:PORT',
  },
  JUDGE_TOKEN: {
    kind: 'invalid',
    rule: 'a token for the server is a text as `sealwatch token create` prints it, in one line, or a function that returns one',
    advice: "Write `token: 'swt_…'`, or `token: () => readFile(FILE, 'utf8')`",
  },
  JUDGE_AWAY: {
    kind: 'unavailable',
    rule: 'a server that judges requests answers, in its form and in time',
    advice: 'Look whether it is up, and whether the token may `threat:analyze`; until then `ifAway` decides',
  },
  JUDGE_REFUSED: {
    kind: 'exhausted',
    rule: 'a server that judges requests is asked about so many a second and at once, and about none that it does not read (docs/middleware.md)',
    advice: 'Judge within the service, which has no such bound; until then `ifRefused` decides',
  },
  JUDGE_PROXIES: {
    kind: 'invalid',
    rule: 'trusted proxies are at most 64 addresses or CIDR blocks with commas between, none larger than /8, in IPv6 than /16',
    advice: 'Name those in front of the service, and nobody else',
  },
  FALCO_SHAPE: {
    kind: 'invalid',
    rule: 'a Falco file is a list of rules, macros, lists and required versions, each with its own members',
    advice: 'Correct its form',
  },
  FALCO_CONDITION: {
    kind: 'invalid',
    rule: 'a Falco condition joins checks of fields and macros by and, or, not and parentheses',
    advice: 'Correct the condition',
  },
  FALCO_NOT_THERE: {
    kind: 'invalid',
    rule: 'what is appended to or overridden stands in a file before, or above',
    advice: 'Correct the name, or the order of the files, which is that of their paths',
  },
} as const satisfies ErrorTable

export const detectError = errorsOf(detectErrors)
export type DetectErrorCode = keyof typeof detectErrors
