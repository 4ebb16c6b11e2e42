// SPDX-License-Identifier: Apache-2.0

/** The OCSF release our events are valid against (docs/formats/event.md, 1.1). */
export const ocsfVersion = '1.9.0-dev'

const categories = {
  system: { uid: 1, name: 'System Activity' },
  findings: { uid: 2, name: 'Findings' },
  access: { uid: 3, name: 'Identity & Access Management' },
  network: { uid: 4, name: 'Network Activity' },
  discovery: { uid: 5, name: 'Discovery' },
  application: { uid: 6, name: 'Application Activity' },
} as const

/** Every event class we produce, with the activities we use. Names are OCSF's captions. */
export const eventClasses = {
  file: {
    uid: 1001,
    name: 'File System Activity',
    category: categories.system,
    activities: {
      create: { id: 1, name: 'Create' },
      read: { id: 2, name: 'Read' },
      update: { id: 3, name: 'Update' },
      delete: { id: 4, name: 'Delete' },
      rename: { id: 5, name: 'Rename' },
      setAttributes: { id: 6, name: 'Set Attributes' },
      mount: { id: 12, name: 'Mount' },
      unmount: { id: 13, name: 'Unmount' },
      open: { id: 14, name: 'Open' },
      link: { id: 99, name: 'Link' },
      unwatched: { id: 99, name: 'Unwatched' },
    },
  },
  kernelExtension: {
    uid: 1002,
    name: 'Kernel Extension Activity',
    category: categories.system,
    activities: { load: { id: 1, name: 'Load' }, unload: { id: 2, name: 'Unload' } },
  },
  kernel: {
    uid: 1003,
    name: 'Kernel Activity',
    category: categories.system,
    activities: { invoke: { id: 4, name: 'Invoke' }, set: { id: 99, name: 'Set' } },
  },
  memory: {
    uid: 1004,
    name: 'Memory Activity',
    category: categories.system,
    activities: {
      allocatePage: { id: 1, name: 'Allocate Page' },
      modifyPage: { id: 2, name: 'Modify Page' },
      read: { id: 7, name: 'Read' },
      write: { id: 8, name: 'Write' },
      mapView: { id: 9, name: 'Map View' },
    },
  },
  process: {
    uid: 1007,
    name: 'Process Activity',
    category: categories.system,
    activities: {
      launch: { id: 1, name: 'Launch' },
      terminate: { id: 2, name: 'Terminate' },
      open: { id: 3, name: 'Open' },
      inject: { id: 4, name: 'Inject' },
      setUserId: { id: 5, name: 'Set User ID' },
      // 99 is OCSF's "Other": the activity name is our own, the type name stays "Other".
      rename: { id: 99, name: 'Rename' },
      signal: { id: 99, name: 'Signal' },
    },
  },
  log: {
    uid: 1008,
    name: 'Event Log Activity',
    category: categories.system,
    activities: {
      gap: { id: 99, name: 'Gap' },
      drop: { id: 99, name: 'Drop' },
      shed: { id: 99, name: 'Shed' },
    },
  },
  finding: {
    uid: 2004,
    name: 'Detection Finding',
    category: categories.findings,
    activities: {
      create: { id: 1, name: 'Create' },
      update: { id: 2, name: 'Update' },
      close: { id: 3, name: 'Close' },
      // What a guard did, and whom it guards.
      respond: { id: 99, name: 'Respond' },
      protect: { id: 99, name: 'Protect' },
      unprotect: { id: 99, name: 'Unprotect' },
      guard: { id: 99, name: 'Guard' },
      allow: { id: 99, name: 'Allow' },
    },
  },
  authentication: {
    uid: 3002,
    name: 'Authentication',
    category: categories.access,
    activities: { logon: { id: 1, name: 'Logon' }, logoff: { id: 2, name: 'Logoff' } },
  },
  person: {
    uid: 3007,
    name: 'User Management',
    category: categories.access,
    activities: {
      create: { id: 1, name: 'Create' },
      delete: { id: 3, name: 'Delete' },
      enable: { id: 4, name: 'Enable' },
      disable: { id: 5, name: 'Disable' },
    },
  },
  network: {
    uid: 4001,
    name: 'Network Activity',
    category: categories.network,
    activities: {
      open: { id: 1, name: 'Open' },
      close: { id: 2, name: 'Close' },
      fail: { id: 4, name: 'Fail' },
      refuse: { id: 5, name: 'Refuse' },
      traffic: { id: 6, name: 'Traffic' },
      listen: { id: 7, name: 'Listen' },
      bind: { id: 99, name: 'Bind' },
      socket: { id: 99, name: 'Socket' },
    },
  },
  /** How a host's kernel protects itself. */
  posture: {
    uid: 5019,
    name: 'Device Config State Change',
    category: categories.discovery,
    activities: { log: { id: 1, name: 'Log' }, collect: { id: 2, name: 'Collect' } },
  },
  lifecycle: {
    uid: 6002,
    name: 'Application Lifecycle',
    category: categories.application,
    activities: {
      start: { id: 3, name: 'Start' },
      stop: { id: 4, name: 'Stop' },
      restart: { id: 5, name: 'Restart' },
      update: { id: 8, name: 'Update' },
      // Somebody laid hands on a part of ours.
      harm: { id: 99, name: 'Harm' },
    },
  },
} as const

export type EventClass = keyof typeof eventClasses
export type Activity<C extends EventClass> = keyof (typeof eventClasses)[C]['activities'] & string

/** The members by which OCSF says what kind of event this is. */
export type Classification = {
  readonly activity_id: number
  readonly activity_name: string
  readonly category_uid: number
  readonly category_name: string
  readonly class_uid: number
  readonly class_name: string
  readonly type_uid: number
  readonly type_name: string
}

const otherActivityId = 99

type ClassRow = {
  readonly uid: number
  readonly name: string
  readonly category: { readonly uid: number; readonly name: string }
  readonly activities: Readonly<Record<string, { readonly id: number; readonly name: string }>>
}

function classificationsOf({ uid, name, category, activities }: ClassRow): Readonly<Record<string, Classification>> {
  const rows = Object.entries(activities).map(([key, activity]) => [
    key,
    {
      activity_id: activity.id,
      activity_name: activity.name,
      category_uid: category.uid,
      category_name: category.name,
      class_uid: uid,
      class_name: name,
      type_uid: uid * 100 + activity.id,
      type_name: `${name}: ${activity.id === otherActivityId ? 'Other' : activity.name}`,
    },
  ])
  return Object.fromEntries(rows)
}

const classifications = Object.fromEntries(
  Object.entries(eventClasses).map(([key, row]) => [key, classificationsOf(row)]),
) as Readonly<Record<EventClass, Readonly<Record<string, Classification>>>>

export function classify<C extends EventClass>(eventClass: C, activity: Activity<C>): Classification {
  return classifications[eventClass][activity] as Classification
}

/** OCSF's number for class and activity together: what rules are indexed by. */
export function typeUidOf<C extends EventClass>(eventClass: C, activity: Activity<C>): number {
  return classify(eventClass, activity).type_uid
}

export const severities = {
  informational: { severity_id: 1, severity: 'Informational' },
  low: { severity_id: 2, severity: 'Low' },
  medium: { severity_id: 3, severity: 'Medium' },
  high: { severity_id: 4, severity: 'High' },
  critical: { severity_id: 5, severity: 'Critical' },
} as const

export type SeverityName = keyof typeof severities
