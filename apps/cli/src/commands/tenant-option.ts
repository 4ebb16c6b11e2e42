// SPDX-License-Identifier: Apache-2.0

import { tenantForm } from '@sealwatch/contract'
import { form, type Option } from '../command.ts'

export const tenantOption = (help: string): Option<string | undefined> =>
  form({
    takes: 'NAME',
    help: `${help} (default: default)`,
    form: tenantForm,
    mustBe: 'a tenant name: lower-case letters, digits and hyphens',
  })
