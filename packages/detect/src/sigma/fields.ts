// SPDX-License-Identifier: Apache-2.0

/** Where a Sigma field stands in our events: one or several paths of members (reading.ts says what may be a step). */
export type FieldPlace = {
  readonly paths: readonly (readonly string[])[]
  /** False: Sigma or auditd know the field, and no event of ours has it. */
  readonly isSupplied: boolean
}
export type FieldTable = Readonly<Record<string, FieldPlace>>

export const at = (...paths: readonly string[]): FieldPlace => ({
  paths: paths.map((path) => path.split('/')),
  isSupplied: true,
})
/** No event has an array in its own place, so there is never anything there. */
export const neverThere = (...names: readonly string[]): FieldTable =>
  Object.fromEntries(names.map((name) => [name, { paths: [['*', name]], isSupplied: false }]))

export const actor: FieldTable = {
  EventTime: at('time'),
  HostId: at('device/uid'),
  ComputerName: at('device/hostname'),
  ProcessId: at('actor/process/pid'),
  ProcessGuid: at('actor/process/uid'),
  Image: at('actor/process/file/path'),
  CommandLine: at('actor/process/cmd_line'),
  // What the guard tells this act by: an incident, which is an alert of its own, or an allowance.
  GuardedBy: at('unmapped/guarded_by'),
  ParentImage: at('actor/process/parent_process/file/path'),
  ParentCommandLine: at('actor/process/parent_process/cmd_line'),
  ParentProcessId: at('actor/process/parent_process/pid'),
  ParentProcessGuid: at('actor/process/parent_process/uid'),
  AncestorImage: at('actor/process/ancestry/*/path'),
  User: at('actor/user/name'),
  UserId: at('actor/user/uid'),
  EffectiveUserId: at('actor/process/euid'),
  LoginUserId: at('actor/process/auid'),
  LogonId: at('actor/process/session/uid'),
  Terminal: at('actor/process/session/terminal'),
  ContainerId: at('actor/process/container/uid'),
  ContainerName: at('actor/process/container/name'),
  ContainerImage: at('actor/process/container/image/name'),
  PodId: at('actor/process/container/pod_uuid'),
  Unit: at('actor/process/xattributes/unit'),
}

export const launch: FieldTable = {
  ...actor,
  Image: at('process/file/path'),
  CommandLine: at('process/cmd_line'),
  ProcessId: at('process/pid'),
  ProcessGuid: at('process/uid'),
  LaunchedFile: at('unmapped/filename'),
  Variables: at('unmapped/variables/*'),
  IsSecure: at('unmapped/secure'),
  NetworkDescriptors: at('unmapped/network_descriptors/*'),
  ImageOwnerId: at('process/file/owner/uid'),
  ImagePackage: at('process/file/product/name'),
  ImageSha256: at('process/file/hashes/*/value'),
  ImageIsMemfd: at('process/file/xattributes/memfd'),
  ImageIsDeleted: at('process/file/is_deleted'),
  ImageMode: at('process/file/xattributes/mode'),
  ImageFilesystem: at('process/file/xattributes/fs_magic'),
  sha256: at('process/file/hashes/*/value'),
  ...neverThere(
    'CurrentDirectory',
    ...['FileVersion', 'Description', 'Product', 'Company', 'OriginalFileName', 'LogonGuid', 'TerminalSessionId'],
    ...['IntegrityLevel', 'Hashes', 'imphash', 'md5', 'sha1', 'ParentUser'],
  ),
}

export const file: FieldTable = {
  ...actor,
  TargetFilename: at('file/path'),
  WatchedFile: at('unmapped/watched'),
  TargetPackage: at('file/product/name'),
  TargetLinks: at('file/xattributes/nlink'),
  TargetOwnerId: at('file/owner/uid'),
  TargetMode: at('file/xattributes/mode'),
  Access: at('unmapped/access'),
  Result: at('status'),
  // Of a descriptor that came over a unix socket: who sent it.
  PassedBy: at('unmapped/passed/by_path'),
  PassedDescriptor: at('unmapped/passed/descriptor'),
  Change: at('unmapped/change'),
  IsSetBack: at('unmapped/set_back'),
  // What it left is what the package brought.
  IsAsShipped: at('unmapped/as_shipped'),
  ResultPackage: at('file_result/product/name'),
  Diff: at('unmapped/diff'),
  ResultFilename: at('file_result/path'),
  ResultMode: at('file_result/xattributes/mode'),
  ResultOwnerId: at('file_result/owner/uid'),
  ResultSize: at('file_result/size'),
  ResultSha256: at('file_result/hashes/*/value'),
  ...neverThere('CreationUtcTime', 'PreviousCreationUtcTime', 'Contents', 'Hashes'),
}

export const network: FieldTable = {
  ...actor,
  // Of those that OCSF has no number for: Bind, Socket.
  Activity: at('activity_name'),
  Initiated: at('unmapped/initiated'),
  Protocol: at('connection_info/protocol_name'),
  Direction: at('connection_info/direction'),
  SourceIp: at('src_endpoint/ip'),
  SourcePort: at('src_endpoint/port'),
  DestinationIp: at('dst_endpoint/ip'),
  DestinationPort: at('dst_endpoint/port'),
  // Of a unix socket.
  DestinationName: at('dst_endpoint/name'),
  SocketFamily: at('unmapped/socket_family'),
  SocketType: at('unmapped/socket_type'),
  Result: at('status'),
  ResultCode: at('status_code'),
  // The kernel knows addresses alone.
  ...neverThere(
    ...[
      'DestinationHostname',
      'SourceHostname',
      'SourceIsIpv6',
      'SourcePortName',
      'DestinationIsIpv6',
      'DestinationPortName',
    ],
  ),
}

export const other: FieldTable = {
  ...actor,
  SourceProcessId: at('actor/process/pid'),
  SourceProcessGuid: at('actor/process/uid'),
  SourceImage: at('actor/process/file/path'),
  SourceCommandLine: at('actor/process/cmd_line'),
  SourceUser: at('actor/user/name'),
  TargetProcessId: at('process/pid'),
  TargetProcessGuid: at('process/uid'),
  TargetImage: at('process/file/path'),
  TargetCommandLine: at('process/cmd_line'),
  TargetUserId: at('process/user/uid'),
  Relation: at('unmapped/relation'),
  Result: at('status'),
}
