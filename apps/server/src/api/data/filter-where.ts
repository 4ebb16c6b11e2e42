// SPDX-License-Identifier: Apache-2.0

import { type Filter, pushNotDown, type Term } from '@sealwatch/contract/filter'
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { IndexTables } from '../../store/index.ts'

type Builder = ExpressionBuilder<IndexTables, 'entries'>

/**
 * What the index can tell of a filter, as a condition on `entries` (docs/formats/filter.md, 5.3): true for every line that
 * matches, and for no other where the filter asks for nothing that only the line says.
 */
export function filterWhere(tenant: string, filter: Filter): (eb: Builder) => Expression<SqlBool> {
  const pushed = pushNotDown(filter)
  return (eb) => conditionOf(eb, tenant, pushed)
}

function conditionOf(eb: Builder, tenant: string, filter: Filter): Expression<SqlBool> {
  if (filter.is === 'term') return termCondition(eb, tenant, filter, false)
  if (filter.is === 'not') return termCondition(eb, tenant, filter.part as Term, true)
  const parts = filter.parts.map((part) => conditionOf(eb, tenant, part))
  return filter.is === 'and' ? eb.and(parts) : eb.or(parts)
}

/** `!=` is its own opposite; only a class may be missing, and then nothing is true of it but that it is another. */
function termCondition(eb: Builder, tenant: string, term: Term, isNot: boolean): Expression<SqlBool> {
  const { field, operator, values } = term
  if (operator === '!=') return termCondition(eb, tenant, { ...term, operator: '=' }, !isNot)
  const numbers = values as readonly number[]
  switch (field) {
    case 'class':
      return isNot
        ? eb.or([eb('entries.class_uid', 'is', null), eb('entries.class_uid', 'not in', numbers)])
        : eb('entries.class_uid', 'in', numbers)
    case 'kind':
      return eb('entries.kind', isNot ? 'not in' : 'in', values as readonly string[])
    case 'time':
    case 'leaf': {
      const column = field === 'time' ? 'entries.time_ms' : 'entries.leaf_index'
      if (operator === '=' || operator === 'in') return eb(column, isNot ? 'not in' : 'in', numbers)
      const condition = eb(column, operator as '<' | '<=' | '>' | '>=', numbers[0] as number)
      return isNot ? eb.not(condition) : condition
    }
    case 'source': {
      const own = eb.exists(
        eb
          .selectFrom('own_entries')
          .select('own_entries.leaf_index')
          .where('own_entries.tenant', '=', tenant)
          .whereRef('own_entries.leaf_index', '=', 'entries.leaf_index'),
      )
      const wanted = new Set(values.map((value) => (value === 'server') !== isNot))
      return wanted.size === 2 ? eb.lit(!isNot) : wanted.has(true) ? own : eb.not(own)
    }
    default:
      return eb.lit(true)
  }
}
