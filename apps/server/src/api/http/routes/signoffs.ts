// SPDX-License-Identifier: Apache-2.0

import { commitForm, pullRequestForm, signoffNameForm } from '@sealwatch/ledger'
import { z } from 'zod'
import { type Signoff, type Signoffs, signoffLimits } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'
import { personId, recorded, recordedJson, time } from '../shapes.ts'

const tag = 'signoffs'
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const principal = z.string().describe('`kind:id`, as in the ledger')
const name = z.string().regex(signoffNameForm, { error: 'a name like memory.layer.signoff' })
const commit = z.string().regex(commitForm, { error: 'the whole hash of a commit, in hex' })
const pullRequest = z.string().regex(pullRequestForm, { error: 'an https address, or OWNER/REPOSITORY#NUMBER' })

const signoff = z.object({
  id: hash.describe('SHA-256 of what is signed'),
  name,
  checklist_digest: hash,
  checklist: z.string().nullable().describe('Null: its digest alone is kept'),
  commit: commit.nullable(),
  pull_request: pullRequest.nullable(),
  approver: principal,
  signed_by: principal.describe('Who acted: the approver, or the operator for them'),
  signed_at: time,
  envelope: z
    .object({
      payloadType: z.string(),
      payload: z.string(),
      signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
    })
    .describe('DSSE (signoff.md, 2)'),
})

const signoffJson = ({ id, statement, checklist, envelope }: Signoff) => ({
  id,
  name: statement.name,
  checklist_digest: statement.checklist,
  checklist,
  commit: statement.commit,
  pull_request: statement.pull_request,
  approver: statement.approver,
  signed_by: statement.by,
  signed_at: statement.time,
  envelope: { ...envelope, signatures: [...envelope.signatures] },
})

export const signoffRoutes = (signoffs: Signoffs): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/signoffs',
    id: 'listSignoffs',
    summary: `Sign-offs, newest first, at most ${signoffLimits.listed}`,
    tag,
    action: 'signoff:read',
    query: z.strictObject({ name: name.optional() }),
    answer: z.object({ items: z.array(signoff) }),
    handle: async (by, { query }) => ({ items: (await signoffs.list(by, query.name)).map(signoffJson) }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/signoffs/{signoff}',
    id: 'getSignoff',
    summary: 'A sign-off, with the envelope that signs it',
    tag,
    action: 'signoff:read',
    params: z.object({ signoff: hash }),
    answer: signoff,
    errors: ['SIGNOFF_UNKNOWN'],
    handle: async (by, { params }) => signoffJson(await signoffs.get(by, params.signoff)),
  }),
  route({
    method: 'POST',
    path: '/api/v1/signoffs',
    id: 'addSignoff',
    summary: 'Sign off: whoever asks is the final approver, and the deployment signs that they said so',
    tag,
    action: 'signoff:write',
    body: z.strictObject({
      name,
      checklist: z
        .union([
          z.strictObject({ text: z.string().min(1).max(signoffLimits.textBytes) }),
          z.strictObject({ digest: hash }),
        ])
        .describe('Its text, which stands in the ledger as it is, or the SHA-256 of its bytes'),
      commit: commit.optional(),
      pull_request: pullRequest.optional(),
      approver: personId.optional().describe('From the operator alone, who acts for them'),
    }),
    answer: z.object({ signoff, ledger: recorded }),
    status: 201,
    errors: [
      'SIGNOFF_INVALID',
      'SIGNOFF_CHECKLIST',
      'SIGNOFF_APPROVER',
      'SIGNOFFS_TOO_MANY',
      'AUDIT_NOT_RECORDED',
      'SIGNER_UNAVAILABLE',
    ],
    handle: async (by, { body }) => {
      const { pull_request, ...given } = body
      const { signoff: made, ...line } = await signoffs.add(by, { ...given, pullRequest: pull_request })
      return { signoff: signoffJson(made), ledger: recordedJson(line) }
    },
  }),
]
