// SPDX-License-Identifier: Apache-2.0
// The second wall between tenants (POL-1): whatever a room asks for, no statement leaves this one that touches rows of
// tenants without saying of which tenant.

import type {
  CompiledQuery,
  DeleteQueryNode,
  InsertQueryNode,
  Kysely,
  KyselyPlugin,
  OperationNode,
  QueryId,
  SelectQueryNode,
  UpdateQueryNode,
} from 'kysely'

/** Who may look across tenants, and why. Nobody else may. */
export const acrossReasons = {
  register: 'the register of tenants is read as a whole',
  outbox: 'lines of all tenants wait in one queue, in their order, each under a name of its own',
  start: 'what stands in the database is held against every ledger, and what is held in memory is read',
  certificate: 'a certificate names its host, and the host its tenant',
  'signing-key': 'a signing key is one host, of whichever tenant',
  person: 'a person holds what they hold in whichever tenants, and it is taken from them in all',
  secret: 'a token is found by the hash of its secret, and names its tenant',
  chain: 'a chain belongs to whoever registered it first, of whichever tenant',
  cluster: 'the ledger of the tenant cluster tells of hosts of every tenant',
  notify: 'what people must know at once waits in one queue, and the cluster hears of every tenant',
  status: 'the operator sees the deployment as a whole',
} as const
export type AcrossReason = keyof typeof acrossReasons

const admitted = new WeakMap<QueryId, AcrossReason>()

/** The same database, or transaction, for statements that touch rows of more than one tenant. */
// biome-ignore lint/suspicious/noExplicitAny: of whichever tables it is
export function across<D extends Kysely<any>>(db: D, reason: AcrossReason): D {
  const plugin: KyselyPlugin = {
    transformQuery: ({ queryId, node }) => {
      admitted.set(queryId, reason)
      return node
    },
    transformResult: async ({ result }) => result,
  }
  return db.withPlugin(plugin) as D
}

export class TenantNotFixed extends Error {}

type Check = (query: CompiledQuery) => void
type Fixed = ReadonlySet<string>
type Query = SelectQueryNode | UpdateQueryNode | DeleteQueryNode | InsertQueryNode
type Node = OperationNode & Readonly<Record<string, unknown>>

const column = 'tenant'
const approvedMax = 1024
const queries: readonly string[] = [
  'SelectQueryNode',
  'UpdateQueryNode',
  'DeleteQueryNode',
  'InsertQueryNode',
] satisfies Query['kind'][]

/** Checks statements on a database whose tables with a column `tenant` are these. Throws TenantNotFixed. */
export function createGuard(tables: ReadonlySet<string>): Check {
  // The text decides: what varies is bound.
  const approved = new Set<string>()
  return ({ query, queryId, sql }) => {
    if (approved.has(sql) || admitted.has(queryId)) return
    const refused = (why: string) => new TenantNotFixed(`${why}: ${sql.slice(0, 400)}`)
    check(query as Node, new Set(), tables, refused)
    if (approved.size >= approvedMax) approved.clear()
    approved.add(sql)
  }
}

type Refused = (why: string) => TenantNotFixed

function check(node: Node, outer: Fixed, tables: ReadonlySet<string>, refused: Refused): void {
  const fixed = queries.includes(node.kind) ? fixedBy(node as unknown as Query, outer, tables, refused) : outer
  // What is written by hand names no tables: those would pass unseen.
  if (node.kind === 'RawNode' && /\b(from|join|into|update|delete)\b/i.test((node.sqlFragments as string[]).join(' ')))
    throw refused('SQL by hand that may touch tables')
  for (const child of childrenOf(node)) check(child, fixed, tables, refused)
}

/** The tables of a query, by what it calls them, that are known to hold rows of one tenant there; all that need it are. */
function fixedBy(query: Query, outer: Fixed, tables: ReadonlySet<string>, refused: Refused): Fixed {
  const sources = sourcesOf(query)
  const needed = [...sources].filter(([, table]) => tables.has(table)).map(([name]) => name)
  if (query.kind === 'InsertQueryNode') {
    if (needed.length > 0) checkInsert(query, needed[0] as string, refused)
    return outer
  }
  const only = needed.length === 1 ? needed[0] : undefined
  const fixed = new Set(outer)
  for (const name of sources.keys()) fixed.delete(name)
  const where = conjuncts(query.where?.where as Node | undefined).map((node) => equalityOf(node, only))
  const joined = (query.joins ?? []).flatMap(({ table, on }) => {
    const [name] = nameOf(table as Node) ?? []
    return conjuncts(on?.on as Node | undefined).map((node) => ({ equality: equalityOf(node, only), name }))
  })
  for (let before = -1; before !== fixed.size; ) {
    before = fixed.size
    for (const equality of where) if (equality !== undefined) fix(fixed, equality, undefined)
    // A condition on a join says something of what is joined, and nothing of what it is joined to.
    for (const { equality, name } of joined) if (equality !== undefined) fix(fixed, equality, name)
  }
  const open = needed.find((name) => !fixed.has(name))
  if (open !== undefined) throw refused(`rows of \`${open}\` of no one tenant`)
  return fixed
}

function checkInsert({ columns = [], onConflict }: InsertQueryNode, name: string, refused: Refused): void {
  const has = (of: readonly { readonly column: { readonly name: string } }[]) =>
    of.some((one) => one.column.name === column)
  if (!has(columns)) throw refused(`a row of \`${name}\` of no tenant`)
  if (onConflict?.updates === undefined || has(onConflict.columns ?? [])) return
  const updated = conjuncts(onConflict.updateWhere?.where as Node | undefined).map((node) => equalityOf(node, name))
  if (!updated.some((equality) => equality?.name === name && equality.to === true))
    throw refused(`a row of \`${name}\` that may be another tenant's`)
}

type Equality = { readonly name: string; readonly to: true | string }

/** `name`.tenant = a value (true), or the tenant of what has another name. */
function equalityOf(node: Node, only: string | undefined): Equality | undefined {
  const { kind, leftOperand, operator, rightOperand } = node as {
    kind: string
    leftOperand?: Node
    operator?: { operator?: string }
    rightOperand?: Node
  }
  if (kind !== 'BinaryOperationNode' || operator?.operator !== '=') return undefined
  const name = tenantOf(leftOperand, only)
  if (name === undefined) return undefined
  if (rightOperand?.kind === 'ValueNode') return { name, to: true }
  const to = tenantOf(rightOperand, only)
  return to === undefined ? undefined : { name, to }
}

function tenantOf(node: Node | undefined, only: string | undefined): string | undefined {
  if (node?.kind !== 'ReferenceNode') return undefined
  const { column: of, table } = node as unknown as { column: { column: { name: string } }; table?: Node }
  if (of.column?.name !== column) return undefined
  return table === undefined ? only : nameOf(table)?.[0]
}

/** `joined`: the condition is of that join. */
function fix(fixed: Set<string>, { name, to }: Equality, joined: string | undefined): void {
  const says = (of: string) => joined === undefined || joined === of
  if (to === true) {
    if (says(name)) fixed.add(name)
    return
  }
  if (fixed.has(to) && says(name)) fixed.add(name)
  if (fixed.has(name) && says(to)) fixed.add(to)
}

function conjuncts(node: Node | undefined): Node[] {
  if (node === undefined) return []
  if (node.kind === 'ParensNode') return conjuncts(node.node as Node)
  return node.kind === 'AndNode' ? [...conjuncts(node.left as Node), ...conjuncts(node.right as Node)] : [node]
}

/** What a query reads and writes: the name it has there, and the table. */
function sourcesOf(query: Query): Map<string, string> {
  const { from, table, into, joins, using } = query as unknown as {
    from?: { froms: Node[] }
    table?: Node
    into?: Node
    joins?: { table: Node }[]
    using?: { tables: Node[] }
  }
  const nodes = [
    ...(from?.froms ?? []),
    table,
    into,
    ...(joins ?? []).map((join) => join.table),
    ...(using?.tables ?? []),
  ]
  const named = nodes.map((node) => (node === undefined ? undefined : nameOf(node)))
  return new Map(named.filter((pair) => pair !== undefined))
}

function nameOf(node: Node): [name: string, table: string] | undefined {
  if (node.kind === 'AliasNode') {
    const inner = nameOf(node.node as Node)
    const alias = (node.alias as { name?: string }).name
    return inner === undefined || alias === undefined ? undefined : [alias, inner[1]]
  }
  if (node.kind !== 'TableNode') return undefined
  const { name } = (node.table as { identifier: { name: string } }).identifier
  return [name, name]
}

function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield child
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { kind?: unknown }).kind === 'string'
