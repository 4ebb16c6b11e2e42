// SPDX-License-Identifier: Apache-2.0

/**
 * Fields that Falco has and no event here: a check of one is told of and never holds, where a name that is none of Falco's is a mistake.
 * Names of falco.org/docs/reference/rules/supported-fields, of the classes that rules over system calls are about.
 */
export const foreignFields: readonly string[] = `
  evt.time evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.rawtime evt.rawtime.s evt.rawtime.ns evt.reltime evt.reltime.s
  evt.reltime.ns evt.pluginname evt.plugininfo evt.source evt.is_async evt.asynctype evt.latency evt.latency.s evt.latency.ns
  evt.latency.human evt.latency.quantized evt.deltatime evt.deltatime.s evt.deltatime.ns evt.outputtime evt.dir evt.category evt.cpu
  evt.args evt.info evt.buffer evt.buflen evt.res evt.is_io evt.is_io_read evt.is_io_write evt.io_dir evt.is_wait evt.wait_latency
  evt.is_syslog evt.count evt.count.error evt.count.exit evt.around evt.abspath evt.is_open_exec evt.is_open_create evt.system
  proc.aexe proc.acmdline proc.aenv proc.aargs proc.cmdnargs proc.cmdlenargs proc.env proc.cwd proc.loginshellid proc.vpid proc.pvpid
  proc.sid proc.sname proc.sid.exe proc.sid.exepath proc.vpgid proc.vpgid.name proc.vpgid.exe proc.vpgid.exepath proc.pgid proc.pgid.name
  proc.pgid.exe proc.pgid.exepath proc.pid.ts proc.ppid.ts proc.is_exe_writable proc.is_exe_upper_layer proc.is_exe_lower_layer
  proc.is_sid_leader proc.is_vpgid_leader proc.is_pgid_leader proc.exe_ino proc.exe_ino.ctime proc.exe_ino.mtime
  proc.exe_ino.ctime_duration_proc_start proc.exe_ino.ctime_duration_pidns_start proc.pidns_init_start_ts proc.is_container_healthcheck
  proc.is_container_liveness_probe proc.is_container_readiness_probe proc.fdopencount proc.fdlimit proc.fdusage proc.vmsize proc.vmrss
  proc.vmswap proc.nthreads proc.nchilds proc.stdin.type proc.stdin.name proc.stdout.type proc.stdout.name proc.stderr.type proc.stderr.name
  thread.cap_permitted thread.cap_inheritable thread.cap_effective thread.pfmajor thread.pfminor thread.ismain thread.vtid thread.nametid
  thread.exectime thread.totexectime thread.cgroups thread.cgroup thread.cpu thread.cpu.user thread.cpu.system thread.vmsize thread.vmrss
  user.homedir user.shell user.loginname group.name
  container.image.id container.image.digest container.privileged container.mounts container.mount container.mount.source
  container.mount.dest container.mount.mode container.mount.rdwr container.mount.propagation container.healthcheck
  container.liveness_probe container.readiness_probe container.start_ts container.duration container.ip container.cni.json
  container.host_pid container.host_network container.host_ipc container.label container.labels
  fd.types fd.uid fd.containername fd.containerdirectory fd.proto fd.cproto fd.sproto fd.lproto fd.rproto fd.cip.name fd.sip.name
  fd.lip.name fd.rip.name fd.dev fd.dev.major fd.dev.minor fd.ino fd.nameraw
`
  .trim()
  .split(/\s+/)

/** Behind these stands the name of an argument, of a call or of something else that Falco has no list of. */
export const openFields =
  /^(?:evt\.(?:arg|rawarg|type\.is|abspath|count\.error|count\.procinfo)|thread\.cgroup|container\.labels?)\./
