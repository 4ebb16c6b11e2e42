// SPDX-License-Identifier: Apache-2.0

const severities = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical', 'Critical'] as const
const tones = ['none', 'none', 'low', 'medium', 'high', 'critical', 'critical'] as const

/** OCSF's severity_id, as it is called and shown. */
export function severityOf(id: number | null): { readonly name: string; readonly tone: (typeof tones)[number] } {
  const at = id ?? 0
  return { name: severities[at] ?? 'Unknown', tone: tones[at] ?? 'none' }
}
