// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiProblem, type ApiRequest, type ApiResponse, createApiClient } from './client.ts'

function answering(answer: Omit<ApiResponse, 'headers'> & { readonly type?: string }) {
  const asked: ApiRequest[] = []
  const client = createApiClient(
    async (request) => {
      asked.push(request)
      return {
        ...answer,
        headers: new Headers({ 'content-type': answer.type ?? 'application/json; charset=utf-8', etag: '"1"' }),
      }
    },
    () => ({ authorization: 'Bearer x' }),
  )
  return { client, asked }
}

test('an operation is asked for by its name, with what it takes in its place', async () => {
  const { client, asked } = answering({ status: 200, text: '{"ledger":{"tenant":"acme","leaf_index":4}}' })
  const answer = await client.call('grantRole', { params: { person_id: 'usr_a', role: 'custom/on call' } })
  assert.deepEqual(answer, { ledger: { tenant: 'acme', leaf_index: 4 } })
  await client.call('putRole', {
    params: { name: 'oncall' },
    body: { actions: ['alert:list'] },
    headers: { 'idempotency-key': 'k' },
  })
  assert.deepEqual(
    asked.map(({ method, path, body }) => [method, path, body]),
    [
      ['PUT', '/api/v1/members/usr_a/roles/custom%2Fon%20call', undefined],
      ['PUT', '/api/v1/roles/oncall', '{"actions":["alert:list"]}'],
    ],
  )
  assert.deepEqual(asked[1]?.headers, {
    accept: 'application/json',
    'content-type': 'application/json',
    authorization: 'Bearer x',
    'idempotency-key': 'k',
  })
  assert.equal((await client.ask('listRoles')).headers.get('etag'), '"1"')
})

test('what went wrong is thrown as the API says it, and as what it is where something else answers', async () => {
  const problem = { type: 'x', title: 'Access denied', status: 403, code: 'ACCESS_DENIED', request_id: 'req_1' }
  const denied = answering({ status: 403, text: JSON.stringify(problem), type: 'application/problem+json' })
  await assert.rejects(
    denied.client.call('listRoles'),
    (error) => error instanceof ApiProblem && error.problem.code === 'ACCESS_DENIED',
  )
  for (const text of ['<html>', '{}', '']) {
    const proxy = answering({ status: 502, text, type: 'text/html' })
    await assert.rejects(
      proxy.client.call('listRoles'),
      (error) => error instanceof ApiProblem && error.problem.code === 'NOT_THE_API',
    )
  }
})
