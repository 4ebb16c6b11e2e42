/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The golden frames of vectors/frames, written through frame.h and the sensor's own writers: `vectors --write DIR` makes
 * them, `vectors --check DIR` compares every byte. What each one means is in index.json, which the agent's test reads.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sensor.h"

static bool writing;
static const char *directory;
static int wrong;

static uint8_t frame[PREFIX_BYTES + FRAME_BYTES_MAX];
static size_t frame_bytes;

static void keep(const char *name)
{
	uint8_t there[sizeof(frame) + 1];
	char path[512];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s.bin", directory, name);
	file = fopen(path, writing ? "w" : "r");
	n = !file ? 0 : writing ? fwrite(frame, 1, frame_bytes, file) : fread(there, 1, sizeof(there), file);
	if (n != frame_bytes || (!writing && memcmp(there, frame, n))) {
		fprintf(stderr, "vectors: %s differs\n", path);
		wrong++;
	}
	if (file)
		fclose(file);
}

struct text { const void *bytes; size_t length; };
#define TEXT(literal) { literal, sizeof(literal) - 1 }

static const struct frame_ref bash = { 60000000000, 1200, 0, "bash" };
static const struct frame_ref init = { 10000000, 1, 0, "systemd" };
static const struct frame_ref service = { 12340000000, 900, 0, "keyservice" };

static struct frame_event event_of(enum frame_kind kind, enum frame_site site)
{
	return (struct frame_event){
		.kind = (__u8)kind, .site = (__u8)site, .ancestors = 2, .pid = 1300, .time_ns = 90000000001,
		.start_ns = 89000000000, .cgroup_id = 4711, .tid = 1301, .ppid = 1200, .uid = 1000, .euid = 0, .gid = 1000,
		.login_uid = 1000, .session_id = 3, .pid_ns = 4026531836, .mnt_ns = 4026531841, .comm = "cat",
	};
}

static void put_event(struct frame_event event, const struct text texts[TEXT_COUNT])
{
	uint8_t body[FRAME_BYTES_MAX] = {};
	struct frame_ref ancestors[2] = { bash, init };
	size_t length = sizeof(event) + event.ancestors * sizeof(bash);

	memcpy(body + sizeof(event), ancestors, sizeof(ancestors));
	for (int i = 0; i < TEXT_COUNT; i++) {
		memcpy(body + length, texts[i].bytes, texts[i].length);
		length += texts[i].length;
		event.text_len[i] = (__u16)texts[i].length;
	}
	memcpy(body, &event, sizeof(event));
	frame_bytes = put_body(frame, body, length);
}

static const struct text cat_only[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat") };

static void write_file_event(const char *name, enum frame_kind kind, enum frame_site site, __u8 flags,
			     struct frame_file file, const struct text texts[TEXT_COUNT])
{
	struct frame_event event = event_of(kind, site);

	event.flags = flags;
	event.file = file;
	put_event(event, texts);
	keep(name);
}

static void write_target_event(const char *name, enum frame_kind kind, enum frame_site site, __s64 result, __u32 request)
{
	struct frame_event event = event_of(kind, site);

	event.target = (struct frame_target){ .ref = service, .result = result, .request = request, .ppid = 1 };
	put_event(event, cat_only);
	keep(name);
}

static void write_prevented(const char *name, enum frame_kind kind, enum frame_site site, __u32 request)
{
	struct frame_event event = event_of(kind, site);

	event.flags = FRAME_PREVENTED;
	event.target = (struct frame_target){ .ref = service, .result = -1, .request = request, .ppid = 1 };
	put_event(event, cat_only);
	keep(name);
}

static void write_exec(void)
{
	static const struct frame_file cat = { 131111, 0x800001, 0100755, 1, 0, 0xef53, 0, 0, 0, 0, 0 };
	static const struct text texts[TEXT_COUNT] = {
		[TEXT_PATH] = TEXT("/usr/bin/cat"),
		[TEXT_FILENAME] = TEXT("/bin/cat"),
		[TEXT_ARGV] = TEXT("cat\0\0/etc/hostname\0"),
	};

	write_file_event("exec", FRAME_EXEC, SITE_exec, 0, cat, texts);
}

static void write_file_open(void)
{
	static const struct frame_file shadow = { 131112, 0x800001, 0100640, 2, 0, 0xef53, 0100000, 0, 0, 0, 0 };
	static const struct text texts[TEXT_COUNT] = {
		[TEXT_EXE] = TEXT("/usr/bin/cat"),
		[TEXT_PATH] = TEXT("/tmp/x"),
		[TEXT_WATCHED] = TEXT("/etc/shadow"),
	};

	write_file_event("file-open", FRAME_FILE_OPEN, SITE_openat, 0, shadow, texts);
}

static void write_exit(const char *name, __u32 code, __u32 signal)
{
	struct frame_event event = event_of(FRAME_EXIT, SITE_exit);

	event.exit = (struct frame_exit){ .code = code, .signal = signal };
	put_event(event, cat_only);
	keep(name);
}

static void write_exec_traced(void)
{
	static const struct frame_file cat = { .ino = 131111, .dev = 0x800001, .mode = 0100755, .nlink = 1, .fs_magic = 0xef53, .tracer = 1200 };
	static const struct text texts[TEXT_COUNT] = { [TEXT_PATH] = TEXT("/usr/bin/cat"), [TEXT_FILENAME] = TEXT("/bin/cat") };

	write_file_event("exec-traced", FRAME_EXEC, SITE_exec, 0, cat, texts);
}

static void write_exit_dumped(void)
{
	struct frame_event event = event_of(FRAME_EXIT, SITE_exit);

	event.exit = (struct frame_exit){ .signal = 6, .dumped = 1 };
	put_event(event, cat_only);
	keep("exit-dumped");
}

static void write_proc_open(void)
{
	static const struct text texts[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/proc/900/task/901/maps") };
	struct frame_event event = event_of(FRAME_PROC_OPEN, SITE_openat);

	event.target = (struct frame_target){ .ref = service, .ppid = 1 };
	put_event(event, texts);
	keep("proc-open");
}

static void write_weakened(const char *name, __u32 what, __u64 value)
{
	struct frame_event event = event_of(FRAME_WEAKENED, SITE_reach);

	event.weakened = (struct frame_weakened){ .what = what, .value = value };
	put_event(event, cat_only);
	keep(name);
}

static void write_frozen(const char *name, __u32 frozen)
{
	static const struct text texts[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/system.slice/keys.service") };
	struct frame_event event = event_of(FRAME_FROZEN, SITE_reach);

	event.frozen = (struct frame_frozen){ .cgroup = 4712, .frozen = frozen };
	put_event(event, texts);
	keep(name);
}

static const __u32 harmless_options = 1 << ENVIRONMENT_NODE_OPTIONS | ENVIRONMENT_OPTIONS_HARMLESS;

/* What the examiner found: of who traces, the number alone. */
static void write_examined(const char *name, const struct frame_examined *found, bool foreign)
{
	static const struct text texts[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/opt/keys/server.js"),
						       [TEXT_ARGV] = TEXT("cat\0/opt/keys/server.js\0") };
	struct frame_event event = event_of(FRAME_EXAMINED, SITE_examiner);

	event.unsure = UNSURE_VARIABLES;
	event.examined = *found;
	put_event(event, foreign ? texts : cat_only);
	keep(name);
}

/* The same kinds as of BPF programs, of the examiner: who did it is known of a tracer alone. */
static void write_polled(void)
{
	struct frame_event event = event_of(FRAME_PTRACE, SITE_examiner);

	event.target = (struct frame_target){ .ref = service, .request = 16, .ppid = 1 };
	put_event(event, cat_only);
	keep("ptrace-polled");
	event.kind = FRAME_SIGNAL;
	event.unsure = UNSURE_ACTOR;
	event.target.request = 19;
	put_event(event, cat_only);
	keep("stop-polled");
}

static void write_rename(void)
{
	struct frame_event event = event_of(FRAME_RENAME, SITE_task_rename);

	event.rename = (struct frame_rename){ .from = "cat", .to = "kworker/0:1" };
	put_event(event, cat_only);
	keep("rename");
}

static void write_credentials(void)
{
	struct frame_event event = event_of(FRAME_CREDENTIALS, SITE_credentials);

	event.credentials = (struct frame_credentials){ { 0, 0, 1000, 0, 1000, 1000, 1001, 1000 }, 1 << 7, ~0ull >> 23 };
	put_event(event, cat_only);
	keep("credentials");
}

#define AT(member) offsetof(struct frame_event, member)

/* Writes the last frame again with one number changed: at most 8 bytes at an offset of the body. */
static void write_bad(const char *name, size_t offset, uint64_t value, size_t bytes)
{
	uint8_t good[sizeof(frame)];

	memcpy(good, frame, sizeof(frame));
	memcpy(frame + PREFIX_BYTES + offset, &value, bytes);
	keep(name);
	memcpy(frame, good, sizeof(frame));
}

static void write_module(const char *name, __u32 change)
{
	static const struct text texts[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/kmod"), [TEXT_FILENAME] = TEXT("diamorphine") };
	struct frame_event event = event_of(FRAME_MODULE, SITE_module);

	event.module = (struct frame_module){ .change = change, .taints = change == FRAME_MODULE_LOADED ? 0x3000 : 0 };
	put_event(event, texts);
	keep(name);
}

static void write_bpf(const char *name, struct frame_bpf bpf)
{
	struct frame_event event = event_of(FRAME_BPF, SITE_bpf);

	event.bpf = bpf;
	put_event(event, cat_only);
	keep(name);
}

static void write_sysctl(const char *name, const struct text texts[TEXT_COUNT])
{
	put_event(event_of(FRAME_SYSCTL, SITE_sysctl), texts);
	keep(name);
}

static void write_namespaces(const char *name, __u32 how, __u32 child, __u32 changed)
{
	struct frame_event event = event_of(FRAME_NAMESPACES, SITE_namespaces);

	event.namespaces = (struct frame_namespaces){
		.how = how, .child = child, .changed = changed,
		.inums = { 4026532700, 4026531838, 4026531839, 4026531836, 4026531840, 4026532701, 4026531835, 0 },
	};
	put_event(event, cat_only);
	keep(name);
}

static void write_reach(const char *name, enum frame_kind kind, __s64 result, __u32 request, const struct text texts[TEXT_COUNT])
{
	struct frame_event event = event_of(kind, SITE_reach);

	event.target = (struct frame_target){ .ref = service, .result = result, .request = request, .ppid = 1 };
	put_event(event, texts);
	keep(name);
}

static void write_reaches(void)
{
	static const struct text memory[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/proc/900/mem") };

	write_reach("reach-pidfd-getfd", FRAME_FD_TAKEN, 4, 7, memory);
	write_reach("reach-prlimit", FRAME_LIMIT, 0, 4, cat_only);
	write_reach("reach-process-madvise", FRAME_ADVICE, 4096, 21, cat_only);
	write_reach("reach-kcmp", FRAME_COMPARE, -1, 0, cat_only);
	write_reach("reach-userfaultfd", FRAME_FAULTS, 3, 1, cat_only);
}

static void write_executable(const char *name, enum frame_executable way, __u32 protection, const struct text texts[TEXT_COUNT])
{
	struct frame_event event = event_of(FRAME_EXECUTABLE, SITE_executable);

	event.memory = (struct frame_memory){ .address = 0x7f0000001000, .length = 8192, .protection = protection, .way = way };
	put_event(event, texts);
	keep(name);
}

static void write_executables(void)
{
	static const struct text payload[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/memfd:payload") };

	write_executable("executable-nameless", FRAME_NAMELESS_FILE, 5, payload);
	write_executable("executable-writable", FRAME_WRITABLE_TOO, 7, cat_only);
	write_executable("executable", FRAME_MADE_SO, 5, cat_only);
}

static void write_kernel(void)
{
	static const struct text aslr[TEXT_COUNT] = {
		[TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("kernel/randomize_va_space"), [TEXT_ARGV] = TEXT("2\n\0000\n\0"),
	};
	static const struct text key[TEXT_COUNT] = {
		[TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("net/ipv4/tcp_fastopen_key"), [TEXT_ARGV] = TEXT("\0a-b-c-d\0"),
	};

	write_module("module-load", FRAME_MODULE_LOADED);
	write_module("module-unload", FRAME_MODULE_UNLOADED);
	write_bpf("bpf-load", (struct frame_bpf){ 4, 5, 2, { FRAME_BPF_PROGRAM, 77 }, 0, 0, "tcp_hook" });
	write_bpf("bpf-own-map", (struct frame_bpf){ 4, 14, 2, { FRAME_BPF_MAP, 9 }, 1, 0, "counters" });
	write_bpf("bpf-refused", (struct frame_bpf){ .result = -1, .command = 5 });
	write_target_event("perf", FRAME_PERF, SITE_perf_event_open, -13, 6);
	write_sysctl("sysctl", aslr);
	write_sysctl("sysctl-key", key);
	write_namespaces("namespaces-clone", FRAME_NS_CLONED, 1301, 1 << FRAME_NS_PID);
	write_namespaces("namespaces-unshare", FRAME_NS_UNSHARED, 0, 1 << FRAME_NS_MNT | 1 << FRAME_NS_USER);
}

static void write_bad_kernel(void)
{
	static const struct text one_value[TEXT_COUNT] = { [TEXT_PATH] = TEXT("kernel/panic"), [TEXT_ARGV] = TEXT("0\0") };

	write_module("module-load", FRAME_MODULE_LOADED);
	write_bad("bad-module-change", AT(module.change), 3, 4);
	write_bpf("bpf-refused", (struct frame_bpf){ .result = -1, .command = 5 });
	write_bad("bad-bpf-object", AT(bpf.object.kind), FRAME_BPF_LINK + 1, 4);
	write_sysctl("bad-sysctl-one-value", one_value);
	write_namespaces("namespaces-unshare", FRAME_NS_UNSHARED, 0, 1 << FRAME_NS_MNT | 1 << FRAME_NS_USER);
	write_bad("bad-namespaces-none", AT(namespaces.changed), 0, 4);
	write_bad("bad-namespaces-child", AT(namespaces.child), 1301, 4);
}

static void write_fork(const char *name, __u32 tracer, const char *memory)
{
	const struct text inherited[TEXT_COUNT] = { [TEXT_PATH] = { memory, strlen(memory) } };
	struct frame_event event = event_of(FRAME_FORK, SITE_fork);

	event.ancestors = 0;
	event.target = (struct frame_target){ .ref = { 89500000000, 1302, 0, "cat" }, .request = tracer, .ppid = 1300 };
	put_event(event, inherited);
	keep(name);
}

static const struct frame_file_state shadow_now = { 1442, 0100640, 0, 42, 1, 1, 0, "\x01\x23\x45\x67\x89\xab\xcd\xef" };
static const struct frame_file_state shadow_then = { 5000000, 0100640, 0, 42, 2, 0, 0, "" };

static void write_change(const char *name, __u32 what, __u32 states, const char *path, const char *to)
{
	const struct frame_file_state both[2] = { states & STATE_AFTER ? shadow_now : shadow_then, shadow_then };
	const struct text texts[TEXT_COUNT] = {
		[TEXT_PATH] = { path, strlen(path) },
		[TEXT_FILENAME] = { to, strlen(to) },
		[TEXT_WATCHED] = TEXT("/etc/shadow"),
		[TEXT_STATES] = { both, (size_t)__builtin_popcount(states & (STATE_AFTER | STATE_BEFORE)) * sizeof(both[0]) },
	};
	struct frame_event event = { .kind = FRAME_FILE_CHANGE, .site = SITE_file_change, .unsure = UNSURE_ACTOR,
				     .pid = 1300, .tid = 1300, .time_ns = 90000000001, .start_ns = 89000000000, .ppid = 1200,
				     .login_uid = ~0u, .session_id = ~0u, .comm = "cat" };

	event.change = (struct frame_change){ .ino = 131112, .dev = 0x800001, .fs_magic = 0xef53, .what = what, .states = states };
	put_event(event, texts);
	keep(name);
}

/* Of a change that says which lines differ: they follow the states. */
static void write_lines(const char *name)
{
	struct { struct frame_file_state of[2]; struct frame_lines lines; } told = { { shadow_now, shadow_then },
										    { .first = 3, .removed = 5, .added = 6 } };
	const struct text texts[TEXT_COUNT] = {
		[TEXT_PATH] = TEXT("/etc/shadow"),
		[TEXT_WATCHED] = TEXT("/etc/shadow"),
		[TEXT_STATES] = { &told, sizeof(told.of) + offsetof(struct frame_lines, bytes) + 11 },
	};
	struct frame_event event = { .kind = FRAME_FILE_CHANGE, .site = SITE_file_change, .unsure = UNSURE_ACTOR,
				     .pid = 1300, .tid = 1300, .time_ns = 90000000001, .start_ns = 89000000000, .ppid = 1200,
				     .login_uid = ~0u, .session_id = ~0u, .comm = "cat" };

	memcpy(told.lines.bytes, "root\ntoor\n\n", 11);
	event.change = (struct frame_change){ .ino = 131112, .dev = 0x800001, .fs_magic = 0xef53, .what = CHANGE_WRITE,
					      .states = STATE_AFTER | STATE_BEFORE | STATE_LINES };
	put_event(event, texts);
	keep(name);
}

/* Addresses as IPv6 has them. */
#define MAPPED(a, b, c, d) { [10] = 0xff, 0xff, a, b, c, d }
#define DOCUMENTED(last) { 0x20, 0x01, 0x0d, 0xb8, [15] = last }

static void write_socket_event(const char *name, enum frame_kind kind, enum frame_site site, struct frame_socket socket,
			       const char *path, size_t path_bytes)
{
	struct text texts[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = { path, path_bytes } };
	struct frame_event event = event_of(kind, site);

	if (kind == FRAME_CONNECT_FAILED) {
		event.ancestors = 0;
		texts[TEXT_EXE].length = 0;
	}
	socket.net_ns = 4026531840;
	event.socket = socket;
	put_event(event, texts);
	keep(name);
}

static const struct frame_socket tcp = { MAPPED(192, 0, 2, 1), MAPPED(192, 0, 2, 7), 40000, 443, 2, 1, 6, 0, 0, 0 };

static void write_connect_failed(void)
{
	struct frame_socket failed = tcp;

	failed.error = 110;
	write_socket_event("connect-failed", FRAME_CONNECT_FAILED, SITE_connect, failed, "", 0);
}

static void write_bind(void)
{
	static const struct frame_socket any = { {}, {}, 5353, 0, 10, 2, 17, 0, 0, 0 };

	write_socket_event("bind", FRAME_BIND, SITE_bind, any, "", 0);
}

static void write_socket_packet(void)
{
	static const struct frame_socket packet = { {}, {}, 0, 0, 17, 3, 3, 0, 0, 0 };

	write_socket_event("socket-packet", FRAME_SOCKET, SITE_socket, packet, "", 0);
}

static void write_socket_ended(void)
{
	static const struct text none[TEXT_COUNT] = {};
	struct frame_event event = event_of(FRAME_SOCKET_ENDED, SITE_sock_diag);

	event.ancestors = 0;
	event.unsure = UNSURE_ACTOR;
	event.socket = tcp;
	event.socket.net_ns = 4026531840;
	event.socket.repeats = FRAME_CONNECT;
	put_event(event, none);
	keep("socket-ended");
}

static struct frame_event denied_event(void)
{
	static const struct frame_denied to = {
		.remote = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 }, .remote_port = 23, .family = 10, .type = 1, .protocol = 6,
		.call = FRAME_DENIED_CONNECT, .rule = 255, .table = 0x5ea10001, .net_ns = 4026531840, .repeats = 2,
	};
	struct frame_event event = event_of(FRAME_DENIED, SITE_policy);

	event.denied = to;
	return event;
}

static void write_denied(void)
{
	put_event(denied_event(), cat_only);
	keep("denied");
	write_bad("bad-denied-call", offsetof(struct frame_event, denied.call), 3, 1);
	write_bad("bad-denied-table", offsetof(struct frame_event, denied.table), 0, 4);
	write_bad("bad-denied-family", offsetof(struct frame_event, denied.family), 1, 1);
	write_bad("bad-denied-reserved", offsetof(struct frame_event, denied.zero), 1, 4);
}

static void write_file_denied(void)
{
	static const struct frame_file_denied shadow = {
		.ino = 131112, .dev = 0x800001, .mode = 0100640, .nlink = 2, .table = 0x5ea10002, .rule = 2, .way = FRAME_WAY_READ, .repeats = 7,
	};
	static const struct text texts[TEXT_COUNT] = {
		[TEXT_EXE] = TEXT("/usr/bin/cat"),
		[TEXT_PATH] = TEXT("/tmp/x"),
		[TEXT_WATCHED] = TEXT("/etc/shadow"),
	};
	struct frame_event event = event_of(FRAME_FILE_DENIED, SITE_file_policy);

	event.file_denied = shadow;
	put_event(event, texts);
	keep("file-denied");
	write_bad("bad-file-denied-way", AT(file_denied.way), FRAME_WAYS, 1);
	write_bad("bad-file-denied-table", AT(file_denied.table), 0, 4);
	write_bad("bad-file-denied-reserved", AT(file_denied.zero2), 1, 4);
	event.file_denied.way = FRAME_WAY_RUN;
	event.unsure = UNSURE_IMAGE;
	put_event(event, (const struct text[TEXT_COUNT]){ [TEXT_PATH] = TEXT("/tmp/x"), [TEXT_WATCHED] = TEXT("/etc/shadow") });
	keep("file-denied-run");
}

static void write_socket_events(void)
{
	static const struct frame_socket under_way = { DOCUMENTED(1), DOCUMENTED(7), 40000, 443, 10, 1, 6, 115, 0, 41 };
	static const struct frame_socket unix_stream = { {}, {}, 0, 0, 1, 1, 0, 0, 0, 0 };
	static const struct frame_socket accepted = { MAPPED(192, 0, 2, 1), MAPPED(192, 0, 2, 9), 22, 50000, 10, 1, 6, 0, 0, 0 };
	static const struct frame_socket listening = { MAPPED(127, 0, 0, 1), {}, 4444, 0, 2, 1, 6, 0, 0, 0 };
	static const struct frame_socket datagram = { MAPPED(0, 0, 0, 0), MAPPED(192, 0, 2, 53), 40001, 53, 2, 2, 17, 0, 0, 0 };
	static const struct frame_socket audit = { {}, {}, 0, 0, 16, 3, 9, 1, 0, 0 };

	write_socket_event("connect", FRAME_CONNECT, SITE_connect, tcp, "", 0);
	write_socket_event("connect-under-way", FRAME_CONNECT, SITE_connect, under_way, "", 0);
	write_socket_event("connect-unix", FRAME_CONNECT, SITE_connect, unix_stream, "/run/docker.sock", 16);
	write_socket_event("connect-abstract", FRAME_CONNECT, SITE_connect, unix_stream, "\0a\0\xe9", 4);
	write_connect_failed();
	write_socket_event("accept", FRAME_ACCEPT, SITE_accept, accepted, "", 0);
	write_bind();
	write_socket_event("listen", FRAME_LISTEN, SITE_listen, listening, "", 0);
	write_socket_event("datagram", FRAME_DATAGRAM, SITE_datagram, datagram, "", 0);
	write_socket_packet();
	write_socket_event("socket-netlink", FRAME_SOCKET, SITE_socket, audit, "", 0);
	write_socket_ended();
}

static void write_changes(void)
{
	write_change("file-change-write", CHANGE_WRITE, STATE_AFTER | STATE_BEFORE, "/etc/shadow", "");
	write_change("file-change-remove", CHANGE_REMOVE, STATE_BEFORE, "/etc/shadow", "");
	write_change("file-change-rename", CHANGE_RENAME, STATE_AFTER, "", "/etc/shadow");
	write_change("file-change-cover", CHANGE_COVER, STATE_AFTER, "/etc/shadow", "");
	write_change("file-change-create", CHANGE_CREATE, 0, "/etc/sudoers.d/\xff", "");
	write_change("file-change-set-back", CHANGE_ATTRIBUTES, STATE_AFTER | STATE_BEFORE | STATE_SET_BACK, "/etc/shadow", "");
	write_lines("file-change-lines");
	write_change("file-change-unwatched", CHANGE_UNWATCHED, 0, "/usr/lib/modules", "");
}

static void write_refused(const char *name, struct frame_refused refused, const struct text texts[TEXT_COUNT])
{
	struct frame_event event = event_of(FRAME_REFUSED, SITE_refused);

	event.refused = refused;
	put_event(event, texts);
	keep(name);
}

static const struct text refused_open[TEXT_COUNT] = {
	[TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("../etc//shadow"), [TEXT_FILENAME] = TEXT("/tmp"),
	[TEXT_WATCHED] = TEXT("/etc/shadow"),
};
static const struct frame_refused no_open = { FRAME_REFUSED_OPEN, 13, 257, 0, {}, 0 };
static const struct frame_refused no_ids = { FRAME_REFUSED_IDS, 1, 117, 0, { 0, 0xffffffff, 0 }, 0 };

static void write_passed(void)
{
	static const struct text shadow[TEXT_COUNT] = {
		[TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/etc/shadow"), [TEXT_WATCHED] = TEXT("/etc/shadow"),
	};
	struct frame_event event = event_of(FRAME_PASSED, SITE_passed);

	event.target = (struct frame_target){ .ref = service, .result = 4, .ppid = 1 };
	put_event(event, shadow);
	keep("passed");
	event.target.result = -1;
	put_event(event, shadow);
	keep("passed-unnumbered");
}

static void write_mount(const char *name, struct frame_mount mount, const char *source)
{
	const struct text texts[TEXT_COUNT] = {
		[TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/etc/shadow"), [TEXT_FILENAME] = { source, strlen(source) },
	};
	struct frame_event event = event_of(FRAME_MOUNT, SITE_mount);

	event.mount = mount;
	put_event(event, texts);
	keep(name);
}

static void write_uring(const char *name, struct frame_uring uring, const char *path)
{
	const struct text texts[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = { path, strlen(path) } };
	struct frame_event event = event_of(FRAME_URING, SITE_io_uring);

	event.uring = uring;
	put_event(event, texts);
	keep(name);
}

static void write_other_ways(void)
{
	write_refused("refused-open", no_open, refused_open);
	write_refused("refused-ids", no_ids, cat_only);
	write_refused("refused-module", (struct frame_refused){ FRAME_REFUSED_MODULE, 1, 313, 0, {}, 0 }, cat_only);
	write_passed();
	write_mount("mount", (struct frame_mount){ FRAME_MOUNT_MOUNT, 0, 0x1000, {} }, "/tmp/shadow");
	write_mount("umount-refused", (struct frame_mount){ FRAME_MOUNT_UMOUNT, 1, 2, {} }, "");
	write_uring("uring-setup", (struct frame_uring){ FRAME_URING_SETUP, 2, {} }, "");
	write_uring("uring-open", (struct frame_uring){ FRAME_URING_OPEN, 0, {} }, "etc/shadow");
	write_target_event("mem-open-by-entry-32", FRAME_MEM_OPEN, SITE_entry_32, 0, 2);
}

static void write_bad_other_ways(void)
{
	write_refused("refused-open", no_open, refused_open);
	write_bad("bad-refused-what", AT(refused.what), FRAME_REFUSED_MODULE + 1, 4);
	write_bad("bad-refused-nothing", AT(refused.error), 0, 4);
	write_bad("bad-refused-ids-of-open", AT(refused.arguments), 1, 8);
	write_refused("bad-refused-open-of-nothing", no_open, cat_only);
	write_refused("bad-refused-ids-of-file", no_ids, refused_open);
	write_passed();
	write_bad("bad-passed-descriptor", AT(target.result), -2ull, 8);
	write_mount("mount", (struct frame_mount){ FRAME_MOUNT_MOUNT, 0, 0x1000, {} }, "/tmp/shadow");
	write_bad("bad-mount-call", AT(mount.call), FRAME_MOUNT_PIVOT_ROOT + 1, 4);
	write_bad("bad-mount-error", AT(mount.error), 4096, 4);
	write_uring("uring-setup", (struct frame_uring){ FRAME_URING_SETUP, 2, {} }, "");
	write_bad("bad-uring-what", AT(uring.what), FRAME_URING_OPEN + 1, 4);
	write_bad("bad-uring-open-with-flags", AT(uring.what), FRAME_URING_OPEN, 4);
	write_uring("bad-uring-setup-of-file", (struct frame_uring){ FRAME_URING_SETUP, 2, {} }, "etc/shadow");
}

static void write_events(void)
{
	static const struct frame_file lock = { 0xfffffffffffffffe, 0x800001, 0100600, 1, 0, 0xef53, 0301, 0, 0, 0, 0 };
	static const struct frame_file memfd = { 77, 1, 0100777, 0, 1000, 0x01021994, 0, 0, 0, 0, 0 };
	static const struct frame_file su = { 131113, 0x800001, 0104755, 1, 0, 0xef53, 0,
					      1u << ENVIRONMENT_LD_PRELOAD | 1u << ENVIRONMENT_GCONV_PATH, 0, 0, 0 };
	static const struct frame_file dash = { 131114, 0x800001, 0100755, 1, 0, 0xef53, 0, 0, 5, 0, 0 };
	static const struct text shell[TEXT_COUNT] = { [TEXT_PATH] = TEXT("/usr/bin/dash"), [TEXT_FILENAME] = TEXT("/bin/sh"), [TEXT_ARGV] = TEXT("sh\0-i\0") };
	static const struct text su_exec[TEXT_COUNT] = {
		[TEXT_PATH] = TEXT("/usr/bin/su"),
		[TEXT_FILENAME] = TEXT("/bin/su"),
		[TEXT_ARGV] = TEXT("su\0"),
	};
	static const struct text odd_exec[TEXT_COUNT] = {
		[TEXT_PATH] = TEXT("/memfd:\xc3\xa9t\xe9"),
		[TEXT_FILENAME] = TEXT("/proc/self/fd/3"),
		[TEXT_ARGV] = TEXT("a\xff\0line\nbreak\0cut \xe2\x82"),
	};
	static const struct text no_exe[TEXT_COUNT] = {
		[TEXT_PATH] = TEXT("deep/etc/shadow.lock"),
		[TEXT_WATCHED] = TEXT("/srv/\xe9tc/shadow.lock"),
	};
	struct frame_event nobody = event_of(FRAME_FILE_OPEN, SITE_openat2);

	write_exec();
	write_file_event("exec-odd-bytes", FRAME_EXEC, SITE_exec, FRAME_TRUNCATED | FRAME_UNLINKED | FRAME_MEMFD, memfd, odd_exec);
	write_file_event("exec-preload", FRAME_EXEC, SITE_exec, FRAME_SECURE_EXEC | FRAME_ENVIRONMENT_CUT, su, su_exec);
	write_file_event("exec-from-network", FRAME_EXEC, SITE_exec, 0, dash, shell);
	write_exit("exit", 255, 0);
	write_exit("exit-signal", 0, 9);
	write_file_open();
	nobody.ancestors = 0;
	nobody.flags = FRAME_TRUNCATED;
	nobody.login_uid = nobody.session_id = ~0u;
	nobody.file = lock;
	put_event(nobody, no_exe);
	keep("file-open-by-kernel-thread");
	write_target_event("mem-open", FRAME_MEM_OPEN, SITE_open, 0, 2);
	write_target_event("mem-open-by-object", FRAME_MEM_OPEN, SITE_file_open, 0, 2);
	write_prevented("mem-open-prevented", FRAME_MEM_OPEN, SITE_openat, 2);
	write_bad("bad-prevented-and-done", AT(target.result), 0, 8);
	write_prevented("vm-read-prevented", FRAME_VM_READ, SITE_process_vm_readv, 0);
	write_target_event("ptrace", FRAME_PTRACE, SITE_ptrace, 0, 0x4206);
	write_target_event("ptrace-refused", FRAME_PTRACE, SITE_ptrace, -1, 16);
	write_rename();
	write_fork("fork", 0, "");
	write_credentials();
	write_kernel();
	write_reaches();
	write_executables();
	write_changes();
	write_other_ways();
	write_denied();
	write_file_denied();
	write_target_event("signal", FRAME_SIGNAL, SITE_signal_generate, -6, 9);
	write_bad("bad-prevented-signal", AT(flags), FRAME_PREVENTED, 1);
	write_socket_events();
	write_target_event("vm-read", FRAME_VM_READ, SITE_process_vm_readv, 4096, 0);
	write_target_event("vm-write-refused", FRAME_VM_WRITE, SITE_process_vm_writev, -14, 0);
}

/* The same with its length changed, prefix included. */
static void write_resized(const char *name, size_t bytes)
{
	uint32_t prefix = (uint32_t)(bytes - PREFIX_BYTES);
	size_t good = frame_bytes;

	frame_bytes = bytes;
	write_bad(name, -(size_t)PREFIX_BYTES, prefix, PREFIX_BYTES);
	frame_bytes = good;
}

/* Sources outside BPF: what they do not know is told as unknown. */
static void write_unsure(void)
{
	static const struct frame_file shadow = { 131112, 0x800001, 0100640, 1, 0, 0xef53, UNKNOWN_FLAGS, 0, 0, 0, 0 };
	static const struct text opened[TEXT_COUNT] = {
		[TEXT_PATH] = TEXT("/etc/shadow"),
		[TEXT_WATCHED] = TEXT("/etc/shadow"),
	};
	static const struct text none[TEXT_COUNT] = {};
	struct frame_event event = event_of(FRAME_FILE_OPEN, SITE_fanotify);

	event.ancestors = 0;
	event.uid = event.euid = event.gid = UNKNOWN_ID;
	event.login_uid = event.session_id = ~0u;
	event.start_ns = event.cgroup_id = 0;
	event.ppid = event.pid_ns = event.mnt_ns = 0;
	memset(event.comm, 0, sizeof(event.comm));
	event.unsure = UNSURE_ACTOR;
	event.file = shadow;
	put_event(event, opened);
	keep("file-open-by-unknown");
	write_bad("bad-unsure-unknown", AT(unsure), 1 << 10, 2);
	write_bad("bad-unknown-flags-of-bpf", AT(site), SITE_openat, 1);
	event.kind = FRAME_OVERFLOW;
	event.pid = event.tid = 0;
	event.overflow = (struct frame_overflow){ .since_ns = 89999999999 };
	put_event(event, none);
	keep("overflow");
	write_bad("bad-overflow-since", AT(overflow.since_ns), 90000000002, 8);
	event = event_of(FRAME_EXIT, SITE_proc_poll);
	event.unsure = UNSURE_ACTOR & ~UNSURE_IDENTITY;
	event.ancestors = 0;
	event.exit = (struct frame_exit){ .code = UNKNOWN_STATUS, .signal = UNKNOWN_STATUS };
	put_event(event, none);
	keep("exit-unseen");
	write_bad("bad-exit-unseen-code", AT(exit.code), 0, 4);
}

static void write_bad_changes(void)
{
	const size_t states = sizeof(struct frame_event) + strlen("/etc/shadow");

	write_change("file-change-write", CHANGE_WRITE, STATE_AFTER | STATE_BEFORE, "/etc/shadow", "");
	write_bad("bad-change-unknown", AT(change.what), CHANGE_COVER + 1, 4);
	write_bad("bad-change-state-unknown", AT(change.states), 16, 4);
	write_bad("bad-change-lines-missing", AT(change.states), STATE_AFTER | STATE_BEFORE | STATE_LINES, 4);
	write_bad("bad-change-state-missing", AT(change.states), STATE_AFTER, 4);
	write_bad("bad-change-reserved", AT(change.zero), 1, 8);
	write_bad("bad-change-by-the-kernels-word", AT(unsure), 0, 2);
	write_bad("bad-change-hashed-2", states + offsetof(struct frame_file_state, hashed), 2, 4);
	write_bad("bad-change-hash-of-nothing", states + 2 * sizeof(shadow_now) - 1, 1, 1);
	write_change("bad-change-write-to-another-name", CHANGE_WRITE, 0, "/etc/shadow", "/etc/other");
	write_change("bad-change-of-nothing", CHANGE_RENAME, 0, "", "");
}

static void write_bad_events(void)
{
	static const uint32_t lengths[] = { 0, FRAME_BYTES_MAX + 1 };

	write_exec();
	write_bad("bad-kind-0", AT(kind), 0, 1);
	write_bad("bad-kind-unknown", AT(kind), FRAME_KINDS, 1);
	write_bad("bad-site-of-other-kind", AT(site), SITE_exit, 1);
	write_bad("bad-site-unknown", AT(site), SITE_COUNT, 1);
	write_bad("bad-flag-unknown", AT(flags), 32, 1);
	write_bad("bad-memfd-with-a-name", AT(flags), FRAME_MEMFD, 1);
	write_bad("bad-ancestors-9", AT(ancestors), 9, 1);
	write_bad("bad-unsure-of-bpf", AT(unsure), UNSURE_IMAGE, 2);
	write_bad("bad-text-too-long", AT(text_len[TEXT_PATH]), 0xffff, 2);
	write_bad("bad-open-flags-in-exec", AT(file.open_flags), 1, 4);
	write_bad("bad-network-descriptor-3", AT(file.network), 8, 4);
	write_bad("bad-variable-unknown", AT(file.environment), 1u << ENVIRONMENT_COUNT, 4);
	write_bad("bad-harmless-options-unset", AT(file.environment), ENVIRONMENT_OPTIONS_HARMLESS, 4);
	write_resized("bad-one-byte-short", frame_bytes - 1);
	write_resized("bad-one-byte-long", frame_bytes + 1);
	write_resized("bad-no-fixed-part", PREFIX_BYTES + 100);
	write_file_open();
	write_bad("bad-variable-in-open", AT(file.environment), 1, 4);
	write_bad("bad-secure-open", AT(flags), FRAME_SECURE_EXEC, 1);
	write_bad("bad-watched-relative", frame_bytes - PREFIX_BYTES - strlen("/etc/shadow"), '.', 1);
	write_exit("exit", 255, 0);
	write_bad("bad-exit-code", AT(exit.code), 256, 4);
	write_bad("bad-memfd-without-file", AT(flags), FRAME_MEMFD, 1);
	write_bad("bad-text-of-other-kind", AT(text_len), 12ull << 16, 8);
	write_target_event("vm-read", FRAME_VM_READ, SITE_process_vm_readv, 4096, 0);
	write_bad("bad-result-beyond-integers", AT(target.result), 1ull << 62, 8);
	write_target_event("signal", FRAME_SIGNAL, SITE_signal_generate, -6, 9);
	write_bad("bad-signal-0", AT(target.request), 0, 4);
	write_bad("bad-signal-code", AT(target.result), 3, 8);
	write_rename();
	write_bad("bad-rename-reserved", AT(rename.zero), 1, 8);
	write_fork("fork", 0, "");
	write_bad("bad-fork-result", AT(target.result), 1, 8);
	write_bad_kernel();
	write_connect_failed();
	write_bad("bad-connect-failed-without-error", AT(socket.error), 0, 1);
	write_bad("bad-socket-family", AT(socket.family), 9, 1);
	write_bad("bad-socket-type", AT(socket.type), 0, 1);
	write_bind();
	write_bad("bad-bind-remote", AT(socket.remote_port), 1, 2);
	write_bad("bad-bind-error", AT(socket.error), 98, 1);
	write_socket_ended();
	write_bad("bad-socket-ended-of-what", AT(socket.repeats), FRAME_DATAGRAM, 4);
	write_bad("bad-socket-ended-error", AT(socket.error), 111, 1);
	write_socket_packet();
	write_bad("bad-packet-address", AT(socket.local[15]), 1, 1);
	write_socket_event("connect-unix", FRAME_CONNECT, SITE_connect, (struct frame_socket){ .family = 1, .type = 1 },
			   "/run/docker.sock", 16);
	write_bad("bad-internet-name", AT(socket.family), 2, 1);
	write_executable("executable", FRAME_MADE_SO, 5, cat_only);
	write_bad("bad-executable-way", AT(memory.way), FRAME_NAMELESS_FILE + 1, 4);
	write_bad("bad-executable-not", AT(memory.protection), 3, 4);
	write_bad_changes();
	write_bad_other_ways();
	for (int i = 0; i < 2; i++) {
		memcpy(frame, &lengths[i], PREFIX_BYTES);
		frame_bytes = PREFIX_BYTES;
		keep(i ? "bad-length-too-long" : "bad-length-zero");
	}
}

/* What is told for the guard's sake (docs/formats/frame.md, 12). */
static void write_guarded(void)
{
	static const struct text probed[TEXT_COUNT] = { [TEXT_EXE] = TEXT("/usr/bin/cat"), [TEXT_PATH] = TEXT("/usr/bin/node") };
	struct frame_event event = event_of(FRAME_PERF, SITE_perf_event_open);

	write_exec_traced();
	write_exit_dumped();
	write_fork("fork-traced", 1200, "");
	write_fork("fork-inherits", 0, "/proc/900/mem");
	event.target = (struct frame_target){ .result = 3, .request = 8 };
	put_event(event, probed);
	keep("perf-uprobe");
	write_proc_open();
	write_weakened("weakened-dumpable", FRAME_WEAKENED_DUMPABLE, 1);
	write_weakened("weakened-tracer", FRAME_WEAKENED_TRACER, ~0ull);
	write_frozen("frozen", 1);
	write_frozen("thawed", 0);
	write_examined("examined", &(struct frame_examined){ 1200, 1400, 1 << ENVIRONMENT_LD_PRELOAD, 9229, ~0ull,
							     FRAME_EXAMINED_DUMPABLE | FRAME_EXAMINED_PRELOADED, 0, {} }, true);
	write_examined("examined-sound", &(struct frame_examined){}, false);
	write_examined("examined-harmless-options", &(struct frame_examined){ .environment = harmless_options }, false);
	write_polled();
}

static void write_bad_guarded(void)
{
	write_exit_dumped();
	write_bad("bad-exit-dumped-2", AT(exit.dumped), 2, 4);
	write_bad("bad-exit-dumped-unkilled", AT(exit.signal), 0, 4);
	write_file_open();
	write_bad("bad-tracer-in-open", AT(file.tracer), 1, 4);
	write_proc_open();
	write_bad("bad-proc-open-result", AT(target.result), 1, 8);
	write_bad("bad-proc-open-of-nobody", AT(target.ref.pid), 0, 4);
	write_weakened("weakened-dumpable", FRAME_WEAKENED_DUMPABLE, 1);
	write_bad("bad-weakened-what", AT(weakened.what), FRAME_WEAKENED_TRACER + 1, 4);
	write_frozen("frozen", 1);
	write_bad("bad-frozen-2", AT(frozen.frozen), 2, 4);
	write_bad("bad-frozen-no-group", AT(frozen.cgroup), 0, 8);
	write_examined("examined-sound", &(struct frame_examined){}, false);
	write_bad("bad-examined-variables", AT(examined.environment), 1 << ENVIRONMENT_COUNT, 4);
	write_bad("bad-examined-port", AT(examined.port), 65536, 4);
	write_bad("bad-examined-how", AT(examined.how), 4, 4);
}

static void write_greetings(void)
{
	static struct counters counters = { .era = "\x5f\x0c\x1d\x9b\xe2\xa8\x4a\x53\xb1\xc9\xd2\xf3\xe4\xa5\xb6\xc7" };
	static struct attached attached = { .sites = ALL_SITES };
	struct frame_state state = { &counters, &attached, "6.1.0-32-amd64", 80000000000, FRAME_FRESH, 0, 0, 0, 0, 0 };

	for (unsigned site = 0; site < SITE_COUNT; site++)
		counters.site[site].counts = (struct frame_counts){ 1000 + site, site, 1000, 0 };
	counters.site[SITE_exec].counts = (struct frame_counts){ 1ull << 60, 1, (1ull << 60) - 1, 0 };
	counters.site[SITE_connect].counts.repeated = 1ull << 61;
	frame_bytes = put_report(frame, &state);
	keep("report");
	write_bad("bad-report-unguarded", offsetof(struct frame_report, unguarded), 1, 4);
	write_bad("bad-report-blind", offsetof(struct frame_report, blind), 1ull << SITE_COUNT, 8);
	write_bad("bad-report-harms", offsetof(struct frame_report, harms), FRAME_HARMS + 1, 1);
	state.blind = 1ull << SITE_openat | 1ull << SITE_ptrace;
	state.harms = FRAME_HARM_PIN | FRAME_HARM_COUNTERS;
	state.table = 0x5ea10001;
	state.file_table = 0x5ea10002;
	state.unguarded = 3;
	frame_bytes = put_report(frame, &state);
	keep("report-harmed");
	write_bad("bad-report-sites", offsetof(struct frame_report, sites), SITE_COUNT - 1, 1);
	write_resized("bad-report-long", frame_bytes + 1);
	frame_bytes = put_hello(frame, &state);
	keep("hello");
	write_bad("bad-hello-magic", offsetof(struct frame_hello, magic), 0, 1);
	write_bad("bad-hello-version", offsetof(struct frame_hello, version), FRAME_VERSION + 1, 2);
	write_bad("bad-hello-attached", offsetof(struct frame_hello, attached), 1ull << SITE_COUNT, 8);
	attached.sites &= ~(1ull << SITE_ptrace);
	snprintf(attached.reason[SITE_ptrace], sizeof(attached.reason[SITE_ptrace]), "left out by --without");
	state.start = FRAME_AGAIN;
	frame_bytes = put_hello(frame, &state);
	keep("hello-again");
	state.start = FRAME_ADOPTED;
	frame_bytes = put_hello(frame, &state);
	keep("hello-adopted");
	write_bad("bad-hello-start", offsetof(struct frame_hello, start), FRAME_ADOPTED + 1, 1);
	state.start = FRAME_AGAIN;
	attached.sites = SOURCE_SITES;
	memset(attached.reason, 0, sizeof(attached.reason));
	attached.mode[DOMAIN_PROCESS] = MODE_proc_connector;
	attached.mode[DOMAIN_FILE] = MODE_fanotify;
	attached.mode[DOMAIN_NETWORK] = MODE_none;
	frame_bytes = put_hello(frame, &state);
	keep("hello-without-bpf");
	write_bad("bad-hello-mode", offsetof(struct frame_hello, mode), MODE_COUNT, 1);
}

int main(int argc, char **argv)
{
	if (argc != 3 || (strcmp(argv[1], "--write") && strcmp(argv[1], "--check"))) {
		fputs("usage: vectors --write|--check DIR\n", stderr);
		return 2;
	}
	writing = strcmp(argv[1], "--write") == 0;
	directory = argv[2];
	write_greetings();
	write_events();
	write_unsure();
	write_guarded();
	write_bad_events();
	write_bad_guarded();
	return wrong ? 1 : 0;
}
