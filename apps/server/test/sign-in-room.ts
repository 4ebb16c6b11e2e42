// SPDX-License-Identifier: Apache-2.0
// The room in which people sign in, with a real store and a real provider, and a browser that keeps cookies.

import { hrtime } from 'node:process'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import { secretOf } from '@sealwatch/keys'
import type { Body } from '@sealwatch/ledger'
import type { Action } from '../src/access/actions.ts'
import type { Authorised } from '../src/access/gate.ts'
import type { Held } from '../src/access/grants.ts'
import type { Principal } from '../src/access/principal.ts'
import type { Whence } from '../src/access/sign-in/own-page.ts'
import type { Sent, Visit } from '../src/access/sign-in/session-acts.ts'
import { builtInClient, oidcPlan } from '../src/access/sign-in/settings.ts'
import { openSignIn, type SignInOptions } from '../src/access/sign-in/sign-in.ts'
import type { ServerVoice } from '../src/identity/index.ts'
import { createOutbox, openStore } from '../src/store/index.ts'
import { type ClientMethod, startProvider, type TestProvider } from './openid-provider.ts'

export const origin = 'http://localhost:8443'
const clientSecret = 'secret-of-the-client-32-characters'

export type Line = {
  readonly class_uid: number
  readonly severity: string
  readonly message: string
  readonly status_code?: string
  readonly is_alert?: boolean
  readonly metadata: { readonly event_code: string; readonly tenant_uid: string }
  readonly actor: { readonly user?: { readonly uid: string } }
  readonly user: { readonly uid: string }
  readonly session: { readonly uid: string }
  readonly evidences: readonly { readonly data: Record<string, unknown> }[]
  readonly unmapped: Record<string, unknown>
}

/** Its wall clock can be set, and its time pass. */
export type SetClock = Clock & { set(ms: number): void; pass(ms: number): void }
export function setClock(): SetClock {
  let shiftMs = 0
  let passedMs = 0
  const clock: SetClock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + shiftMs + passedMs,
    nowNs: () => BigInt(clock.nowMs()) * 1_000_000n,
    monotonicNs: () => hrtime.bigint() + BigInt(passedMs) * 1_000_000n,
    set: (ms) => {
      shiftMs += ms
    },
    pass: (ms) => {
      passedMs += ms
    },
  }
  return clock
}

/** `granted`: person -> tenants. What a link gives is added. */
export async function signInRoom(options: { readonly builtIn?: boolean; readonly method?: ClientMethod } = {}) {
  const clientId = options.builtIn === true ? builtInClient : 'sealwatch'
  const provider = await startProvider({
    clientId,
    clientSecret,
    redirectUri: `${origin}/auth/callback`,
    ...options,
  })
  const clock = setClock()
  const store = openStore(':memory:')
  const lines: Line[] = []
  const outbox = {
    ...createOutbox(store),
    enqueue: async (_tx: unknown, _tenant: string, body: Body) => {
      lines.push((body as unknown as { event: Line }).event)
      return String(lines.length)
    },
    recorded: async (uid: string) => Number(uid),
  }
  const granted = new Map<string, Set<string>>()
  const groups: { personId: string; groups: readonly string[] }[] = []
  const begun: { personId: string; grants: readonly Held[]; by: string }[] = []
  const logged: string[] = []
  const taken: string[] = []
  const os = { name: 'Linux', type_id: 200, type: 'Linux' }
  const voice: ServerVoice = { device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown', os }, version: '0' }
  const grants = {
    begin: async (personId: string, given: readonly Held[], by: { name: string }) => {
      begun.push({ personId, grants: given, by: by.name })
      for (const { tenant } of given) granted.set(personId, (granted.get(personId) ?? new Set()).add(tenant))
    },
    firstOf: (personId: string, last: string | null) => {
      const tenants = grants.tenantsOf(personId)
      return tenants.find((name) => name === last) ?? tenants.find((name) => name !== 'cluster') ?? tenants[0]
    },
    checkGive: () => undefined,
    takeAll: async (personId: string) => void taken.push(personId),
    tenantsOf: (personId: string) => [...(granted.get(personId) ?? [])].sort(),
  }
  const groupRoles = {
    apply: async (personId: string, given: readonly string[]) => {
      groups.push({ personId, groups: given })
      if (given.includes('sec')) granted.set(personId, (granted.get(personId) ?? new Set()).add('acme').add('zeta'))
    },
  }
  const plan = oidcPlan({
    issuer: provider.issuer,
    clientId,
    clientSecret: options.method === 'none' ? undefined : secretOf(clientSecret),
    scopes: 'openid profile email groups',
    groupsClaim: 'groups',
    endpointOrigins: '',
    ca: undefined,
  })
  const log = createLog('test', (line) => logged.push(line), clock.nowMs)
  const given = {
    store,
    outbox,
    voice,
    clock,
    grants,
    groupRoles,
    plan,
    origin: () => origin,
    log,
    limits: { idleMinutes: 30, hours: 12 },
  }
  /** Over the real room of grants, where it is given. */
  const open = (access?: Pick<SignInOptions, 'grants' | 'groupRoles'>) => openSignIn({ ...given, ...access })
  const signIn = await open()
  return {
    ...signIn,
    open,
    provider,
    clock,
    store,
    outbox,
    voice,
    log,
    lines,
    codes: () => lines.map((line) => line.metadata.event_code),
    granted,
    groups,
    begun,
    taken,
    logged,
    close: async () => {
      await provider.close()
      await store.close()
    },
  }
}
export type Room = Awaited<ReturnType<typeof signInRoom>>

export type Browser = ReturnType<typeof browserOf>

/** Keeps cookies as a browser does: of the control plane here, of the provider there. */
export function browserOf(source = '192.0.2.7') {
  const own = new Map<string, string>()
  const theirs = new Map<string, string>()
  let requests = 0
  const keep = (jar: Map<string, string>, cookies: readonly string[]) => {
    for (const cookie of cookies) {
      const [pair = '', ...attributes] = cookie.split(/; ?/)
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      const isOver = attributes.some((text) => /^max-age=0$/i.test(text)) || value === ''
      if (isOver) jar.delete(name)
      else jar.set(name, value)
    }
  }
  const header = (jar: Map<string, string>) => [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  return {
    cookies: own,
    /** As it comes from our own page. */
    visit: (): Visit & { readonly whence: Whence } => ({
      cookies: header(own),
      source,
      requestId: `req_${++requests}`,
      whence: { origin, site: 'same-origin' },
    }),
    took: (sent: Pick<Sent, 'cookies'>) => keep(own, sent.cookies),
    /** Goes where the provider sends it, until that is back at the control plane. */
    async through(redirect: string): Promise<URL> {
      let url = redirect
      for (let hops = 0; hops < 10 && !url.startsWith(origin); hops += 1) {
        const response = await fetch(url, { redirect: 'manual', headers: { cookie: header(theirs) } })
        keep(theirs, response.headers.getSetCookie())
        const next = response.headers.get('location')
        if (next === null) throw new Error(`the provider answers ${response.status}: ${await response.text()}`)
        url = new URL(next, url).href
      }
      return new URL(url)
    },
  }
}

/** From the first click to the session. */
export async function signInAs(room: Pick<Room, 'beginLogin' | 'finishLogin'>, browser: Browser, returnTo = '/') {
  const begun = await room.beginLogin(browser.visit(), returnTo)
  browser.took(begun)
  const back = await browser.through(begun.redirect)
  const sent = await room.finishLogin(browser.visit(), back.searchParams)
  browser.took(sent)
  return sent
}

export type { TestProvider }

/** What the gate would give. */
export const authorised = <A extends Action>(action: A, principal: Principal = { kind: 'operator', id: 'root' }) =>
  ({ principal, action, tenant: 'cluster', requestId: 'req_root' }) as unknown as Authorised<A>

/** What a link carries. */
export const codeOf = (url: string): string => new URL(url).searchParams.get('code') ?? ''
