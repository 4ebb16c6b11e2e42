// SPDX-License-Identifier: Apache-2.0
// The dashboard's files, as apps/dashboard/make wrote them: each is read once, and is served at the paths its row names.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { Answer, openRoute, type RequestFacts, type Route } from './route.ts'

/** Where the build leaves them. */
export const dashboardDir: string = join(import.meta.dirname, '../../../../dashboard/dist')

const name = z
  .string()
  .max(256)
  .regex(/^(?:[\w-]+\/)*[\w.-]+$/)
const servedRow = z.strictObject({
  file: name,
  paths: z
    .array(
      z
        .string()
        .max(256)
        .regex(/^\/[\w./-]*$/),
    )
    .min(1)
    .max(64),
  type: z.string().max(64),
  immutable: z.boolean(),
  encodings: z.partialRecord(z.enum(['br', 'gzip']), name),
})
const servedRows = z.array(servedRow).max(256)

type Encoding = 'br' | 'gzip'

export type DashboardFile = {
  readonly paths: readonly string[]
  readonly type: string
  readonly headers: Readonly<Record<string, string>>
  readonly plain: Buffer
  readonly encoded: ReadonlyMap<Encoding, Buffer>
}

const yearSeconds = 31_536_000

/** Undefined where it was not built; throws where what lies there is no build. */
export function readDashboard(dir: string): readonly DashboardFile[] | undefined {
  let manifest: string
  try {
    manifest = readFileSync(join(dir, 'served.json'), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
  return servedRows.parse(JSON.parse(manifest)).map(({ file, paths, type, immutable, encodings }) => {
    const plain = readFileSync(join(dir, file))
    const encoded = Object.entries(encodings).map(
      ([encoding, of]) => [encoding as Encoding, readFileSync(join(dir, of))] as const,
    )
    return {
      paths,
      type,
      plain,
      encoded: new Map(encoded),
      headers: {
        'cache-control': immutable ? `public, max-age=${yearSeconds}, immutable` : 'no-cache',
        etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
        ...(encoded.length > 0 ? { vary: 'accept-encoding' } : {}),
      },
    }
  })
}

/** They are no part of the API, nor of the document about it. */
export const dashboardRoutes = (files: readonly DashboardFile[]): Route[] =>
  files.flatMap((file) =>
    file.paths.map((path) =>
      openRoute({
        method: 'GET',
        path: path as `/${string}`,
        id: `dashboard ${path}`,
        summary: 'A file of the dashboard',
        tag: 'dashboard',
        open: 'it says what is written in the sources, and asks for all else as whoever opened it',
        // Where one is on a page is the page's matter.
        query: z.record(z.string(), z.unknown()),
        media: file.type,
        handle: async ({ request }) => answerOf(file, request),
      }),
    ),
  )

/** Of a program: it reads the words of the API. */
const forPrograms = /^\/(?:api|auth|assets)(?:\/|$)/

/** Whoever typed an address is told by the dashboard that nothing is there. Undefined: it was no person, or there is none. */
export function noSuchPage(files: readonly DashboardFile[]): (asked: NotFound) => Answer<unknown> | undefined {
  const page = files.find(({ paths }) => paths.includes('/'))
  return ({ method, path, request }) => {
    const isPerson = method === 'GET' && String(request.headers.accept).includes('text/html') && !forPrograms.test(path)
    if (page === undefined || !isPerson) return undefined
    const { body, headers } = answerOf(page, {
      ...request,
      headers: { ...request.headers, 'if-none-match': undefined },
    })
    return new Answer(body, { status: 404, headers: { ...headers, 'content-type': page.type } })
  }
}
export type NotFound = { readonly method: string; readonly path: string; readonly request: RequestFacts }

function answerOf({ headers, plain, encoded }: DashboardFile, request: RequestFacts): Answer<unknown> {
  if (request.headers['if-none-match'] === headers.etag) return new Answer(undefined, { status: 304, headers })
  const accepted = String(request.headers['accept-encoding'] ?? '')
    .split(',')
    .map((one) => one.trim())
  // One with a weight is one that the client would rather not have, or not at all.
  const best = (['br', 'gzip'] as const).find((one) => encoded.has(one) && accepted.includes(one))
  const body = best === undefined ? plain : encoded.get(best)
  return new Answer(body, { headers: { ...headers, ...(best === undefined ? {} : { 'content-encoding': best }) } })
}
