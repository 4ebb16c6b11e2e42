// SPDX-License-Identifier: Apache-2.0

import { ruleLimits } from '../limits.ts'
import { type Need, type Needs, presence } from '../needs.ts'
import type { AttributeTable } from '../reading.ts'
import { fieldType } from './field-types.ts'
import type { Check } from './resolve.ts'
import type { Source } from './source.ts'

/** What an event surely has for which a check holds. */
export function needsOf({ field, operator, values }: Check, { rests }: Source, attributes: AttributeTable): Needs {
  if (rests === undefined) return []
  const { on, isPart } = rests(field.argument)
  const attribute = attributes.attribute(on.split('/'))
  const texts = (place: Need['place']): Needs => [
    values.map((text) => ({ attribute, place: isPart ? 'anywhere' : place, text: text.toLowerCase() })),
  ]
  const isFound = field.transformers.length === 0 && fieldType(field.name) === 'text'
  if (!isFound || values.length > ruleLimits.needsMax) return [[presence(attribute)]]
  switch (operator) {
    case '=':
    case '==':
    case 'in':
    case 'intersects':
      return texts('whole')
    case 'startswith':
      return texts('start')
    case 'endswith':
      return texts('end')
    case 'contains':
    case 'icontains':
      return texts('anywhere')
    default:
      return [[presence(attribute)]]
  }
}
