// SPDX-License-Identifier: Apache-2.0

/** In the words of OCSF's severities. */
export const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]

/** What a request can be after. `severity`: of one that is certain; `tag`: how the core rule set marks its rules of it. */
export const threats = {
  command_injection: { severity: 'critical', tag: 'attack-rce' },
  sql_injection: { severity: 'critical', tag: 'attack-sqli' },
  code_injection: { severity: 'critical', tag: /^attack-injection-/ },
  template_injection: { severity: 'critical', tag: 'attack-ssti' },
  path_traversal: { severity: 'high', tag: 'attack-lfi' },
  file_inclusion: { severity: 'high', tag: 'attack-rfi' },
  request_forgery: { severity: 'high', tag: 'attack-ssrf' },
  xss: { severity: 'high', tag: 'attack-xss' },
  session_fixation: { severity: 'high', tag: 'attack-fixation' },
  protocol_attack: { severity: 'medium', tag: /^attack-(?:protocol|multipart-header|deprecated-header)$/ },
  scanner: { severity: 'medium', tag: 'attack-reputation-scanner' },
  denial_of_service: { severity: 'medium', tag: 'attack-dos' },
  /** The address is known for attacks, and nothing else is. */
  bad_address: { severity: 'low', tag: undefined },
  unusual_behaviour: { severity: 'low', tag: undefined },
  /** It looks like an attack, and nobody can say which. */
  other: { severity: 'high', tag: undefined },
} as const satisfies Readonly<
  Record<string, { readonly severity: Severity; readonly tag: string | RegExp | undefined }>
>
export type ThreatType = keyof typeof threats

const names = Object.keys(threats) as readonly ThreatType[]

/** By the tags of a SecLang rule; of several, the gravest. */
export const threatTagged = (tags: readonly string[]): ThreatType | undefined =>
  names.find((name) => {
    const { tag } = threats[name]
    return tag !== undefined && tags.some((given) => (typeof tag === 'string' ? given === tag : tag.test(given)))
  })
