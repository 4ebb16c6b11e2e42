// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'

export const Page = ({
  title,
  about,
  acts,
  children,
}: {
  readonly title: string
  readonly about?: string
  readonly acts?: ReactNode
  readonly children: ReactNode
}) => (
  <>
    <div className="title">
      <h1>{title}</h1>
      {acts === undefined ? null : <div className="acts">{acts}</div>}
      {about === undefined ? null : <p>{about}</p>}
    </div>
    <div className="body">{children}</div>
  </>
)
