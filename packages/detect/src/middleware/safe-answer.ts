// SPDX-License-Identifier: Apache-2.0

import type { ServerResponse } from 'node:http'

/** All that a client of a service is told (DET-5), in the form of RFC 9457. */
export type SafeAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

const answers = {
  REQUEST_BLOCKED: { status: 403, title: 'Request blocked for security reasons' },
  REQUEST_LATE: { status: 408, title: 'Request timeout' },
  JUDGE_AWAY: { status: 503, title: 'Unavailable' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>

export type SafeCode = keyof typeof answers

export function safeAnswer(code: SafeCode, id: string): SafeAnswer {
  const { status, title } = answers[code]
  const type = `https://sealwatch.dev/problems/${code.toLowerCase().replaceAll('_', '-')}`
  const text = JSON.stringify({ type, title, status, code, request_id: id })
  return {
    status,
    text,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Whose body did not come has nothing else to say either.
      ...(code === 'REQUEST_LATE' && { connection: 'close' }),
    },
  }
}

export function answerSafely(response: ServerResponse, { status, headers, text }: SafeAnswer): void {
  if (!response.headersSent) response.writeHead(status, headers).end(text)
}
