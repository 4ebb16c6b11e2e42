/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause) */
/*
 * Frames as they stand on the wire (docs/formats/frame.md). The BPF programs write event bodies in this layout,
 * sensor.c only prefixes their length, so nothing between the kernel and the agent re-encodes an event.
 * All numbers are little-endian and naturally aligned; there are no holes.
 */
#ifndef SEALWATCH_FRAME_H
#define SEALWATCH_FRAME_H

#include <linux/types.h>

#define FRAME_VERSION 4
#define FRAME_MAGIC "sealwtch"
#define FRAME_BYTES_MAX 16384 /* of a body; the length prefix is not counted */
#define FRAME_ANCESTORS_MAX 8
#define FRAME_TEXT_BYTES_MAX 4095
#define FRAME_REASON_BYTES_MAX 200
#define FRAME_SITES_MAX 64
#define FRAME_COMM_BYTES 16
#define FRAME_ERA_BYTES 16

enum frame_kind {
	FRAME_HELLO = 1,
	FRAME_REPORT,
	FRAME_EXEC,
	FRAME_EXIT,
	FRAME_FILE_OPEN,
	FRAME_MEM_OPEN,
	FRAME_PTRACE,
	FRAME_VM_READ,
	FRAME_VM_WRITE,
	FRAME_FORK,
	FRAME_RENAME,
	FRAME_SIGNAL,
	FRAME_CREDENTIALS,
	FRAME_OVERFLOW,
	FRAME_MODULE,
	FRAME_BPF,
	FRAME_PERF,
	FRAME_SYSCTL,
	FRAME_NAMESPACES,
	FRAME_CONNECT,
	FRAME_CONNECT_FAILED,
	FRAME_ACCEPT,
	FRAME_BIND,
	FRAME_LISTEN,
	FRAME_DATAGRAM,
	FRAME_SOCKET,
	FRAME_FD_TAKEN,
	FRAME_LIMIT,
	FRAME_ADVICE,
	FRAME_COMPARE,
	FRAME_FAULTS,
	FRAME_EXECUTABLE,
	FRAME_FILE_CHANGE,
	FRAME_SOCKET_ENDED,
	FRAME_REFUSED,
	FRAME_PASSED,
	FRAME_MOUNT,
	FRAME_URING,
	FRAME_DENIED,
	FRAME_FILE_DENIED,
	FRAME_PROC_OPEN, /* from here on for the guard alone */
	FRAME_WEAKENED,
	FRAME_FROZEN,
	FRAME_EXAMINED,
	FRAME_KINDS,
};

/* A site is one row of counters and one bit of `attached`, fed by one BPF program or several. New ones go to the end. */
#define FRAME_SITES(X)                                                                                                 \
	X(exec) X(exit) X(open) X(openat) X(openat2) X(creat) X(ptrace) X(process_vm_readv) X(process_vm_writev)       \
	X(fork) X(task_rename) X(signal_generate) X(credentials) X(proc_connector) X(fanotify) X(module)    \
	X(bpf) X(perf_event_open) X(sysctl) X(namespaces) X(connect) X(accept) X(bind) X(listen) X(datagram) X(socket) \
	X(file_open) X(reach) X(executable) X(proc_poll) X(inotify) X(file_change) X(sock_diag) X(proc_net)                        \
	X(entry_32) X(open_by_handle_at) X(io_uring) X(refused) X(passed) X(mount) X(policy) X(file_policy) \
	X(examiner)

#define FRAME_SITE_ID(name) SITE_##name,
enum frame_site { FRAME_SITES(FRAME_SITE_ID) SITE_COUNT };
#define ALL_SITES (~0ull >> (FRAME_SITES_MAX - SITE_COUNT)) /* bit per site, as in `attached` */

/* What is watched, and by what (docs/fallbacks.md). New ones go to the end. */
enum frame_domain { DOMAIN_PROCESS, DOMAIN_FILE, DOMAIN_NETWORK, DOMAIN_COUNT };
#define FRAME_MODES(X) X(ebpf) X(fanotify) X(proc_connector) X(ptrace) X(polling) X(none) X(sock_diag)
#define FRAME_MODE_ID(name) MODE_##name,
enum frame_mode { FRAME_MODES(FRAME_MODE_ID) MODE_COUNT };

enum frame_flag {
	FRAME_TRUNCATED = 1, /* a text met a limit */
	FRAME_UNLINKED = 2,  /* the file has no name in any directory */
	FRAME_MEMFD = 4,
	FRAME_SECURE_EXEC = 8,	    /* the program gained other ids or capabilities: AT_SECURE */
	FRAME_ENVIRONMENT_CUT = 16, /* the environment was not looked through to its end */
	FRAME_PREVENTED = 32, /* it was refused with EPERM, for the guard has that denied */
};

/*
 * Members that a source did not see itself, of the very process, as the bits of docs/formats/event.md, 5.1, name them. What
 * BPF programs tell has none.
 */
enum frame_unsure {
	UNSURE_IDENTITY = 1 << 0,
	UNSURE_IMAGE = 1 << 1,
	UNSURE_CREDENTIALS = 1 << 2,
	UNSURE_LOGIN = 1 << 3,
	UNSURE_CONTAINMENT = 1 << 4,
	UNSURE_ANCESTRY = 1 << 5,
	UNSURE_OBJECT_PATH = 1 << 6,
	UNSURE_OBJECT_IDENTITY = 1 << 7,
	UNSURE_ARGUMENTS = 1 << 8,
	UNSURE_TARGET = 1 << 9,
	UNSURE_VARIABLES = 1 << 11,
	UNSURE_ACTOR = UNSURE_IDENTITY | UNSURE_IMAGE | UNSURE_CREDENTIALS | UNSURE_LOGIN | UNSURE_CONTAINMENT | UNSURE_ANCESTRY,
};
#define UNKNOWN_ID (~0u)    /* of a user or a group: nobody has it */
#define UNKNOWN_FLAGS (~0u) /* how a file was opened */
#define UNKNOWN_STATUS (~0u) /* how a process ended */

/* Variables by which foreign code comes into a program, one bit each. New ones go to the end. */
#define FRAME_ENVIRONMENT(X)                                                                                           \
	X(LD_PRELOAD) X(LD_AUDIT) X(LD_LIBRARY_PATH) X(NODE_OPTIONS) X(BASH_ENV) X(PYTHONPATH) X(PYTHONSTARTUP)        \
	X(PERL5OPT) X(RUBYOPT) X(GCONV_PATH)

#define FRAME_ENVIRONMENT_ID(name) ENVIRONMENT_##name,
enum frame_environment { FRAME_ENVIRONMENT(FRAME_ENVIRONMENT_ID) ENVIRONMENT_COUNT };
#define ENVIRONMENT_OPTIONS_HARMLESS (1u << 31) /* of NODE_OPTIONS: runtime_flags.h */

/* The texts that follow the ancestors, in this order. */
enum frame_text { TEXT_EXE, TEXT_PATH, TEXT_FILENAME, TEXT_ARGV, TEXT_WATCHED, TEXT_COUNT };
#define TEXT_STATES TEXT_ARGV /* of a file_change, which has no arguments */

struct frame_ref {
	__u64 start_ns;
	__u32 pid;
	__u32 zero;
	char comm[FRAME_COMM_BYTES];
};

struct frame_file { /* exec, file_open */
	__u64 ino;
	__u32 dev; /* major << 20 | minor */
	__u32 mode;
	__u32 nlink;
	__u32 uid;
	__u32 fs_magic;
	__u32 open_flags;
	__u32 environment; /* bit per variable, and ENVIRONMENT_OPTIONS_HARMLESS; exec only */
	__u32 network;	   /* bit per descriptor of 0, 1 and 2 that is a socket of IPv4 or IPv6; exec only */
	__u32 tracer;	   /* pid of who traces it while it starts, 0: nobody; exec only */
	__u32 zero;
};

struct frame_target { /* mem_open, ptrace, vm_read, vm_write, fork, signal, perf, and those of reach, passed, proc_open */
	struct frame_ref ref;
	__s64 result;
	__u32 request; /* ptrace request, open flags, signal number, perf type, tracer of a fork; of reach docs/formats/frame.md, 5.2 */
	__u32 ppid;
};

struct frame_rename {
	char from[FRAME_COMM_BYTES];
	char to[FRAME_COMM_BYTES];
	__u64 zero[2];
};

struct frame_ids {
	__u32 uid, euid, suid, fsuid;
	__u32 gid, egid, sgid, fsgid;
};

struct frame_credentials { /* as they are now; uid, euid and gid of the event are those before */
	struct frame_ids ids;
	__u64 effective_before; /* capabilities, bit per number */
	__u64 effective;
};

enum { FRAME_MODULE_LOADED = 1, FRAME_MODULE_UNLOADED };

struct frame_module {
	__u32 change;
	__u32 taints; /* of the kernel, by this module */
	__u64 zero[5];
};

struct bpf_object_id {
	__u32 kind; /* 0: none, or none that could be told */
	__u32 id;
};
enum { FRAME_BPF_PROGRAM = 1, FRAME_BPF_MAP, FRAME_BPF_LINK };

struct frame_bpf {
	__s64 result;
	__u32 command;
	__u32 type; /* of the program, of the map; of a link that of its program */
	struct bpf_object_id object;
	__u32 own; /* 1: it is the sensor's */
	__u32 zero;
	char name[16];
};

struct frame_sysctl {
	__u64 zero[6];
};

enum { FRAME_NS_MNT, FRAME_NS_UTS, FRAME_NS_IPC, FRAME_NS_PID, FRAME_NS_NET, FRAME_NS_USER, FRAME_NS_CGROUP, FRAME_NS_TIME,
       FRAME_NS_COUNT };
enum { FRAME_NS_CLONED = 1, FRAME_NS_UNSHARED, FRAME_NS_ENTERED };

struct frame_namespaces {
	__u32 how;
	__u32 child;   /* pid of the new process; 0: the actor itself */
	__u32 changed; /* bit per namespace */
	__u32 zero;
	__u32 inums[FRAME_NS_COUNT];
};

enum frame_executable { FRAME_WRITABLE_TOO = 1, FRAME_MADE_SO, FRAME_ANONYMOUS, FRAME_NAMELESS_FILE };

struct frame_memory { /* executable */
	__u64 address;
	__u64 length;
	__u32 protection;
	__u32 way;
	__u64 zero[3];
};

enum frame_change_what {
	CHANGE_CREATE = 1,
	CHANGE_WRITE,
	CHANGE_TRUNCATE, /* it is shorter than it was */
	CHANGE_RENAME,
	CHANGE_LINK, /* it has one more name */
	CHANGE_REMOVE,
	CHANGE_ATTRIBUTES,
	CHANGE_UNWATCHED, /* what is below it is not watched, for want of room */
	CHANGE_COVER, /* the watched path leads to another file, for a mount lies over it */
};

enum frame_states { STATE_AFTER = 1, STATE_BEFORE = 2, STATE_SET_BACK = 4 /* when it was modified was set to earlier than it was */,
		    STATE_LINES = 8 /* which lines differ, after the states */ };

struct frame_change { /* file_change */
	__u64 ino;
	__u32 dev; /* major << 20 | minor; 0, as ino: the object was gone before anybody could look */
	__u32 fs_magic;
	__u32 what;
	__u32 states; /* which there are, in this order, in TEXT_STATES */
	__u64 zero[3];
};

struct frame_file_state {
	__u64 size;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 nlink;
	__u32 hashed; /* 1: sha256 is that of the content, 0: it is zero */
	__u32 zero;
	__u8 sha256[32];
};

enum frame_refused_what { FRAME_REFUSED_OPEN = 1, FRAME_REFUSED_IDS, FRAME_REFUSED_MODULE };

struct frame_refused {
	__u32 what;
	__u32 error; /* errno */
	__u32 call;  /* number of the system call */
	__u32 zero;
	__u64 arguments[3]; /* of FRAME_REFUSED_IDS */
	__u64 zero2;
};

enum frame_mount_call { FRAME_MOUNT_MOUNT = 1, FRAME_MOUNT_UMOUNT, FRAME_MOUNT_MOVE, FRAME_MOUNT_PIVOT_ROOT };

struct frame_mount {
	__u32 call;
	__u32 error; /* errno; 0: it succeeded */
	__u64 flags;
	__u64 zero[4];
};

enum frame_uring_what { FRAME_URING_SETUP = 1, FRAME_URING_OPEN };

struct frame_uring { /* io_uring */
	__u32 what;
	__u32 flags; /* of FRAME_URING_SETUP */
	__u64 zero[5];
};

#define LINES_BYTES_MAX 3000

struct frame_lines {
	__u32 first;   /* number of the first line that differs, from 1 */
	__u32 removed; /* bytes: lines that were there instead */
	__u32 added;
	__u32 cut; /* 1: there are more of either */
	__u8 bytes[LINES_BYTES_MAX];
};

struct frame_exit {
	__u32 code;
	__u32 signal;
	__u32 dumped; /* 1: the kernel wrote its core */
	__u32 zero;
	__u64 zero2[4];
};

enum frame_weakened_what { FRAME_WEAKENED_DUMPABLE = 1, FRAME_WEAKENED_TRACER };

struct frame_weakened { /* by the protected process itself */
	__u32 what;
	__u32 zero;
	__u64 value; /* that it gave prctl */
	__u64 zero2[4];
};

struct frame_frozen {
	__u64 cgroup; /* its id */
	__u32 frozen; /* 0: it goes on */
	__u32 zero;
	__u64 zero2[4];
};

enum frame_examined_how { FRAME_EXAMINED_DUMPABLE = 1, FRAME_EXAMINED_PRELOADED = 2 /* every program is: ld.so.preload */ };

struct frame_examined { /* the actor, a protected process, as it was found */
	__u32 tracer; /* pid; 0: nobody */
	__u32 holder; /* of a descriptor of its memory: pid; 0: nobody */
	__u32 environment; /* as in frame_file */
	__u32 port; /* on which its debugger listens; 0: on none */
	__u64 core; /* soft limit of its core, in bytes */
	__u32 how;  /* enum frame_examined_how, or-ed */
	__u32 zero;
	__u64 zero2[2];
};

struct frame_overflow {
	__u64 since_ns; /* when nothing had been lost for certain */
	__u64 zero[5];
};

#define FRAME_ADDRESS_BYTES 16

struct frame_socket { /* connect, connect_failed, accept, bind, listen, datagram, socket, socket_ended */
	__u8 local[FRAME_ADDRESS_BYTES]; /* of IPv6; one of IPv4 is mapped into ::ffff:0:0/96 */
	__u8 remote[FRAME_ADDRESS_BYTES];
	__u16 local_port;
	__u16 remote_port;
	__u8 family;
	__u8 type;
	__u8 protocol; /* its lowest eight bits */
	__u8 error;    /* errno; 0: it succeeded */
	__u32 net_ns;
	__u32 repeats; /* that were counted, and not told, since this was told last; of socket_ended the kind that it was told as */
};

enum frame_denied_call { FRAME_DENIED_CONNECT = 1, FRAME_DENIED_DATAGRAM };

struct frame_denied { /* denied: by a rule of a table of the agent's (docs/formats/frame.md, 10) */
	__u8 remote[FRAME_ADDRESS_BYTES]; /* as in frame_socket */
	__u16 remote_port;
	__u8 family;
	__u8 type;
	__u8 protocol;
	__u8 call; /* enum frame_denied_call */
	__u16 rule;
	__u32 table;
	__u32 net_ns;
	__u32 repeats; /* as in frame_socket */
	__u32 zero[3];
};

/* What it was to be opened for, as far as anybody can tell. */
enum frame_file_way { FRAME_WAY_UNKNOWN, FRAME_WAY_READ, FRAME_WAY_WRITE, FRAME_WAY_BOTH, FRAME_WAY_RUN, FRAME_WAYS };

struct frame_file_denied { /* file_denied: by a rule of a file table of the agent's */
	__u64 ino;
	__u32 dev; /* major << 20 | minor */
	__u32 mode;
	__u32 nlink;
	__u32 uid;
	__u32 table;
	__u16 rule;
	__u8 way; /* enum frame_file_way */
	__u8 zero;
	__u32 repeats; /* as in frame_socket */
	__u32 zero2[3];
};

struct frame_event { /* then struct frame_ref[ancestors], then the texts */
	__u8 kind;
	__u8 site;
	__u8 flags;
	__u8 ancestors;
	__u32 pid;
	__u64 time_ns; /* CLOCK_BOOTTIME, as all times here */
	__u64 start_ns;
	__u64 cgroup_id;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 euid;
	__u32 gid;
	__u32 login_uid;
	__u32 session_id;
	__u32 pid_ns;
	__u32 mnt_ns;
	__u16 text_len[TEXT_COUNT];
	__u16 unsure; /* enum frame_unsure, or-ed */
	char comm[FRAME_COMM_BYTES];
	union {
		struct frame_file file;
		struct frame_target target;
		struct frame_exit exit;
		struct frame_rename rename;
		struct frame_credentials credentials;
		struct frame_overflow overflow;
		struct frame_module module;
		struct frame_bpf bpf;
		struct frame_sysctl sysctl;
		struct frame_namespaces namespaces;
		struct frame_socket socket;
		struct frame_memory memory;
		struct frame_change change;
		struct frame_refused refused;
		struct frame_mount mount;
		struct frame_uring uring;
		struct frame_denied denied;
		struct frame_file_denied file_denied;
		struct frame_weakened weakened;
		struct frame_frozen frozen;
		struct frame_examined examined;
	};
};

struct frame_counts {
	__u64 produced;
	__u64 dropped;
	__u64 sent;
	__u64 repeated;
};

/* What was done to the sensor itself lately. */
enum frame_harm {
	FRAME_HARM_PIN = 1,	 /* what it has pinned was removed or replaced */
	FRAME_HARM_MEMORY = 2,	 /* what it shares with its programs was overwritten; it was put right again */
	FRAME_HARM_COUNTERS = 4, /* a counter went back */
	FRAME_HARM_PROGRAMS = 8, /* the programs that it took over are not its own */
	FRAME_HARM_COVERED = 16, /* a path of our own leads elsewhere, for something was mounted, or unmounted */
	FRAME_HARM_DETACHED = 32, /* a program was detached from its cgroup; it was attached again */
};
#define FRAME_HARMS 63

/* What begins with a hello. */
enum frame_start {
	FRAME_AGAIN,   /* a connection */
	FRAME_FRESH,   /* a sensor, which has just attached its programs */
	FRAME_ADOPTED, /* a sensor, with the programs of one that was killed, which saw all meanwhile */
};

struct frame_report {
	__u8 kind;
	__u8 sites;
	__u8 harms;
	__u8 zero;
	__u32 table; /* of network policies that is followed, on the guard's pipe of protected processes; 0: none is */
	__u64 time_ns;
	__u8 era[FRAME_ERA_BYTES];
	__u64 blind; /* bit per site: attached, and does not see what it must */
	__u32 file_table; /* of policies of files and programs that is followed; 0: none is */
	__u32 unguarded; /* paths of it that are not, for want of room, or for their file system does not answer */
	struct frame_counts counts[SITE_COUNT];
};

/* What agent and guard say to the sensor, each with its length before it (docs/formats/frame.md, 10 to 12). */
enum frame_order_kind { ORDER_TABLE = 1, ORDER_HOLD, ORDER_LIFT, FILE_TABLE, FILE_HOLD, FILE_LIFT };

struct frame_order { /* then, of a table, that */
	__u8 kind;
	__u8 zero[3];
	__u32 number;
	__u32 seconds; /* from now on for which the table is followed; 0: lift */
	__u32 zero2;
};

/* The guard's table: then the processes, by pid, then the images, by hash, then whom it lets. */
struct frame_protected {
	__u32 processes;
	__u32 images;
	__u64 seed, factor; /* of the hashes of programs */
	__u32 allowances;
	__u32 zero;
};

struct frame_protected_process {
	__u64 start_ns; /* counts to 10 ms, for /proc tells no more */
	__u32 pid;
	__u32 flags; /* enum frame_protected_flag, or-ed; above them the number of its entry, 0: none */
};

enum frame_protected_flag {
	FRAME_PROTECTED_EXAMINE = 1, /* the guard wants to know how it is */
	FRAME_PROTECTED_PREVENT = 2, /* nobody may reach into it who is not let */
};
#define FRAME_ENTRY_SHIFT 2

struct frame_allowance {
	__u64 until_ns;
	__u64 program; /* hash of its path; 0: any */
	__u32 uid;     /* UNKNOWN_ID: any */
	__u32 entry;   /* which entry's processes; 0: all */
};

struct frame_hello { /* then sensor version, kernel release and one reason per site */
	__u8 kind;
	__u8 sites;
	__u8 start; /* enum frame_start */
	__u8 zero;
	__u16 version;
	__u16 zero2;
	__u64 time_ns;
	__u8 era[FRAME_ERA_BYTES];
	char magic[8];
	__u64 attached; /* bit per site */
	__u8 sensor_version_len;
	__u8 kernel_len;
	__u8 mode[DOMAIN_COUNT]; /* enum frame_mode */
	__u8 zero3[3];
	__u8 reason_len[FRAME_SITES_MAX];
	struct frame_counts counts[SITE_COUNT];
};

_Static_assert(sizeof(struct frame_ref) == 32, "docs/formats/frame.md");
_Static_assert(sizeof(struct frame_file) == 48 && sizeof(struct frame_target) == 48 && sizeof(struct frame_exit) == 48 &&
		       sizeof(struct frame_rename) == 48 && sizeof(struct frame_credentials) == 48 &&
		       sizeof(struct frame_overflow) == 48 &&
		       sizeof(struct frame_module) == 48 && sizeof(struct frame_bpf) == 48 &&
		       sizeof(struct frame_sysctl) == 48 && sizeof(struct frame_namespaces) == 48 &&
		       sizeof(struct frame_socket) == 48 &&
		       sizeof(struct frame_memory) == 48 && sizeof(struct frame_change) == 48 &&
		       sizeof(struct frame_denied) == 48 && sizeof(struct frame_file_denied) == 48 && sizeof(struct frame_weakened) == 48 &&
		       sizeof(struct frame_frozen) == 48 && sizeof(struct frame_examined) == 48 && sizeof(struct frame_file_state) == 64,
	       "docs/formats/frame.md");
_Static_assert(sizeof(struct frame_event) == 144, "docs/formats/frame.md");
_Static_assert(sizeof(struct frame_report) == 48 + 32 * SITE_COUNT, "docs/formats/frame.md");
_Static_assert(sizeof(struct frame_hello) == 120 + 32 * SITE_COUNT, "docs/formats/frame.md");
/* The longest hello there can ever be fits too. */
_Static_assert(SITE_COUNT <= FRAME_SITES_MAX &&
		       120 + 2 * 255 + FRAME_SITES_MAX * (32 + FRAME_REASON_BYTES_MAX) <= FRAME_BYTES_MAX,
	       "docs/formats/frame.md");
/* The longest event there can be still fits: all ancestors, and the three texts and two states that a kind has at most. */
_Static_assert(sizeof(struct frame_event) + FRAME_ANCESTORS_MAX * sizeof(struct frame_ref) +
		       3 * FRAME_TEXT_BYTES_MAX + 2 * sizeof(struct frame_file_state) + sizeof(struct frame_lines) <= FRAME_BYTES_MAX,
	       "docs/formats/frame.md");

#endif
