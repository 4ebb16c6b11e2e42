// SPDX-License-Identifier: Apache-2.0
// Endpoints of API-1 whose engine is still to come: they say so, and pretend nothing (README, "Not yet built").

import { z } from 'zod'
import type { Action } from '../../../access/index.ts'
import { httpError } from '../problems.ts'
import { type Method, type Route, route } from '../route.ts'

const rows = [
  ['GET', '/api/v1/security/vulnerabilities', 'listVulnerabilities', 'Vulnerabilities found', 'vulnerability:list'],
  ['POST', '/api/v1/security/vulnerabilities/scan', 'scanVulnerabilities', 'Scan a target', 'vulnerability:scan'],
  ['POST', '/api/v1/security/incidents', 'openIncident', 'Open an incident', 'incident:open'],
] as const satisfies readonly (readonly [Method, `/${string}`, string, string, Action])[]

export const notBuiltRoutes = (): Route[] =>
  rows.map(([method, path, id, summary, action]) => {
    const shape = {
      method,
      path,
      id,
      summary: `${summary} (not yet built)`,
      tag: 'security',
      action,
      errors: ['NOT_AVAILABLE'],
    }
    const handle = async (): Promise<never> => {
      throw httpError('NOT_AVAILABLE', { attempted: summary })
    }
    return method === 'POST' ? route({ ...shape, body: z.looseObject({}), handle }) : route({ ...shape, handle })
  })
