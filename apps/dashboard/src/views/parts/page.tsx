// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'

export const Page = ({
  title,
  about,
  acts,
  fills = false,
  children,
}: {
  readonly title: string
  readonly about?: string
  readonly acts?: ReactNode
  /** What is on it scrolls by itself. */
  readonly fills?: boolean
  readonly children: ReactNode
}) => (
  <div className={fills ? 'page fills' : 'page'}>
    <div className="title">
      <h1>{title}</h1>
      {about === undefined ? null : <p>{about}</p>}
      {acts === undefined ? null : <div className="acts">{acts}</div>}
    </div>
    <div className="body">{children}</div>
  </div>
)
