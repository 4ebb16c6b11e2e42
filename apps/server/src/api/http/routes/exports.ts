// SPDX-License-Identifier: Apache-2.0

import { Readable } from 'node:stream'
import { z } from 'zod'
import { type ExportPiece, type ExportWhat, exportBundle } from '../../data/export.ts'
import type { ApiPorts } from '../../ports.ts'
import { leafIndex, timeQuery } from '../entry-shapes.ts'
import { Answer, type Route, route } from '../route.ts'

const what = z
  .union([
    z.strictObject({ all: z.literal(true) }),
    z.strictObject({ alert: z.string().min(1).max(128).describe('`metadata.uid` of a finding') }),
    z.strictObject({ incident: z.string().min(1).max(64).describe('Its id, of `GET /api/v1/incidents`') }),
    z.strictObject({ leaf: leafIndex }),
    z.strictObject({ since: timeQuery }),
  ])
  .describe(
    'Everything; a finding and the batches it rests on; the batches of what was told of an incident; the batch of a line; or all lines since a time',
  )

const whatOf = (wanted: z.output<typeof what>): ExportWhat => ('since' in wanted ? { sinceMs: wanted.since } : wanted)

export const exportRoutes = (ports: ApiPorts): Route[] => [
  route({
    method: 'POST',
    path: '/api/v1/exports',
    id: 'exportBundle',
    summary: 'A bundle that proves itself (docs/formats/bundle.md); the ledger says that it was asked for',
    tag: 'ledger',
    action: 'event:export',
    body: z.strictObject({
      what,
      reveal: z.boolean().default(false).describe('With personal values, for whoever may `event:reveal`'),
    }),
    // Each reads a ledger from end to end.
    atOnceMax: 2,
    media: 'application/x-ndjson',
    errors: ['API_NOT_FOUND'],
    handle: async (by, { body, request }) => {
      const { principal, tenant, requestId } = by
      const reveal = body.reveal ? ports.gate.authorise(principal, 'event:reveal', { tenant, requestId }) : undefined
      const wanted = whatOf(body.what)
      await ports.recordExport(by, wanted, body.reveal)
      const pieces = exportBundle(ports, by, { what: wanted, reveal }, request.signal)
      // What is not there is told before the answer begins.
      const first = await pieces.next()
      const name = `sealwatch-${tenant}-${new Date(ports.clock.nowMs()).toISOString().replaceAll(/[-:]|\.\d+/g, '')}.bundle`
      return new Answer(Readable.from(bytesOf(first, pieces), { objectMode: false }), {
        headers: { 'content-disposition': `attachment; filename="${name}"` },
      })
    },
  }),
]

async function* bytesOf(first: IteratorResult<ExportPiece>, rest: AsyncGenerator<ExportPiece>) {
  if (first.done === true) return
  yield first.value.bytes
  for await (const { bytes } of rest) yield bytes
}
