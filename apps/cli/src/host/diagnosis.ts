// SPDX-License-Identifier: Apache-2.0

import { redacted, scrubText } from '@sealwatch/base'
import type { Host } from './host-meant.ts'
import type { HostRecord } from './render-host.ts'

/** What support asks for about a host, without what names people, machines and secrets. */
export type Diagnosis = {
  readonly form: 'sealwatch.dev/host-diagnosis/v1'
  readonly made_at: string
  readonly cli_version: string
  readonly host: Host
  readonly records: readonly HostRecord[]
}

/** Takes the host's names out of every text, and secrets by their form. The id stays: it names the host to its own server alone. */
export function diagnose(
  host: Host,
  records: readonly HostRecord[],
  { madeAt, cliVersion }: { readonly madeAt: string; readonly cliVersion: string },
): Diagnosis {
  const names = [host.hostname, host.renamed?.from ?? ''].filter((name) => name !== '')
  const clean = (text: string) => scrubText(names.reduce((rest, name) => rest.replaceAll(name, redacted), text))
  const { serial: _, ...certificate } = host.certificate
  return {
    form: 'sealwatch.dev/host-diagnosis/v1',
    made_at: madeAt,
    cli_version: cliVersion,
    host: {
      ...host,
      hostname: redacted,
      renamed: host.renamed && { ...host.renamed, from: redacted },
      certificate: { ...certificate, serial: redacted },
      config: {
        ...host.config,
        reported: host.config.reported && {
          ...host.config.reported,
          refused_why: clean(host.config.reported.refused_why),
        },
      },
      hands: host.hands && {
        ...host.hands,
        held: { ...host.hands.held, refused_why: clean(host.hands.held.refused_why) },
      },
      sensor: {
        ...host.sensor,
        unseen: host.sensor.unseen.map(clean),
        sites: host.sensor.sites.map((site) => ({ ...site, reason: site.reason === null ? null : clean(site.reason) })),
      },
    },
    records: records.map((record) => ({ ...record, message: clean(record.message) })),
  }
}
