/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and attaches each program by itself as far as it goes: one that fails takes no other down. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "keep.h"

/* The committed object is part of the program: one file to install, no path to get wrong. */
__asm__(".section .rodata\n"
	".balign 16\n"
	"bpf_object_begin: .incbin \"sensor.bpf.o\"\n"
	"bpf_object_end:\n"
	".previous\n");
extern const char bpf_object_begin[], bpf_object_end[];

static struct bpf_object *object;
/* In the order of the object, which is the same each time it is opened. */
enum { PROGRAMS_MAX = KEPT_PROGRAMS_MAX };
static struct program {
	const char *name; /* of a site of several programs, SITE__ANYTHING */
	int site;
	bool is_tier_two;
	bool follows; /* a function of the kernel */
	bool left; /* out, or does not load */
	struct bpf_link *link;
} programs[PROGRAMS_MAX];
static int program_count;
static const struct kept *adopted;
static uint8_t orders[SHA256_BYTES];
static volatile struct shared *shared;
static bool looks_at_all; /* opens are told by the programs for kernels before 6.3 */
static bool refuses_trampolines; /* this kernel lets no program onto its functions, nor onto its LSM hooks */
static bool follows_functions; /* calls of the 32-bit entry are followed one by one, not by a program at the end of all calls */
static __s32 rdonly_cast;  /* the id of bpf_rdonly_cast() in this kernel; 0: it has none */
static char first_warning[FRAME_REASON_BYTES_MAX + 1];

/* libbpf explains a failure in its first warning; what follows is the verifier's log. */
static int keep_first_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !first_warning[0]) {
		vsnprintf(first_warning, sizeof(first_warning), format, args);
		first_warning[strcspn(first_warning, "\n")] = 0;
	}
	return 0;
}

static bool open_object(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "sealwatch");
	size_t size = (size_t)(bpf_object_end - bpf_object_begin);

	first_warning[0] = 0;
	object = bpf_object__open_mem(bpf_object_begin, size, &options);
	return object;
}

/* Programs are called after their site: SITE, or SITE__ANYTHING where it has several; `_any` is the second form of one. */
static int site_of(const char *program)
{
	for (int site = 0; site < SITE_COUNT; site++) {
		size_t length = strlen(site_names[site]);
		const char *rest = program + length;

		if (strncmp(program, site_names[site], length) == 0 &&
		    (!*rest || strncmp(rest, "__", 2) == 0 || strcmp(rest, "_any") == 0))
			return site;
	}
	return -1;
}

/* false: object and frame.h are not of one build. */
static bool list_programs(uint64_t sites)
{
	struct bpf_program *program;
	uint64_t seen = 0;

	if (!open_object())
		return false;
	bpf_object__for_each_program(program, object) {
		struct program *listed = &programs[program_count];

		listed->name = strdup(bpf_program__name(program));
		listed->site = site_of(listed->name);
		listed->follows = strncmp(bpf_program__section_name(program), "fexit/", 6) == 0;
		listed->is_tier_two = listed->follows || strncmp(bpf_program__section_name(program), "lsm/", 4) == 0;
		if (listed->site < 0 || ++program_count == PROGRAMS_MAX)
			return false;
		listed->left = !(sites >> listed->site & 1);
		seen |= 1ull << listed->site;
	}
	bpf_object__close(object);
	return seen == (ALL_SITES & ~SOURCE_SITES & ~BESIDE_SITES);
}

static struct program *find_program(const char *name)
{
	for (int i = 0; i < program_count; i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	return NULL;
}

/* Of a program that has a second form, one of the two. */
static bool is_chosen(const struct program *program)
{
	size_t length = strlen(program->name);
	char any[64];

	if (program->follows || program->site == SITE_entry_32)
		return program->follows == follows_functions;
	if (length > 4 && strcmp(program->name + length - 4, "_any") == 0)
		return looks_at_all;
	snprintf(any, sizeof(any), "%s_any", program->name);
	return !looks_at_all || !find_program(any);
}

/* Where the kernel has no such function the call stays as it is, and the program does not load. */
static void call_by_id(struct bpf_program *program, __s32 number, __s32 id)
{
	size_t count = bpf_program__insn_cnt(program), bytes = count * sizeof(struct bpf_insn);
	struct bpf_insn *instructions = malloc(bytes);

	if (!instructions || !id) {
		free(instructions);
		return;
	}
	memcpy(instructions, bpf_program__insns(program), bytes);
	for (size_t i = 0; i < count; i++)
		if (instructions[i].code == (BPF_JMP | BPF_CALL) && instructions[i].imm == number) {
			instructions[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
			instructions[i].imm = id;
		}
	bpf_program__set_insns(program, instructions, count);
	free(instructions);
}

static __s32 kernel_has(const char *name, __u32 kind)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	__s32 id = kernel ? btf__find_by_name_kind(kernel, name, kind) : 0;

	btf__free(kernel);
	return id > 0 ? id : 0;
}

/* One program, or NULL for all that are chosen and not left. */
static bool load(const struct program *only, unsigned ring_bytes, int counters_fd)
{
	int error;

	if (!open_object())
		return false;
	for (int i = 0; i < program_count; i++) {
		struct program *program = &programs[i];
		struct bpf_program *found = bpf_object__find_program_by_name(object, program->name);
		bool wanted = only ? program == only : !program->left && is_chosen(program);

		bpf_program__set_autoload(found, wanted);
		call_by_id(found, RDONLY_CAST, rdonly_cast);
	}
	if (bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "ring"), ring_bytes) == 0 &&
	    bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "guard_ring"),
				     ring_bytes < GUARD_RING_BYTES ? ring_bytes : GUARD_RING_BYTES) == 0 &&
	    bpf_map__reuse_fd(bpf_object__find_map_by_name(object, "counters"), counters_fd) == 0 &&
	    bpf_object__load(object) == 0)
		return true;
	error = errno;
	bpf_object__close(object);
	object = NULL;
	errno = error;
	return false;
}

static int map_fd(const char *name)
{
	return object ? bpf_object__find_map_fd_by_name(object, name) : keep_map(name);
}

/* Which tier tells of a site that has two, and why not the other. */
static void say_tier(struct attached *result, int site, int tier, const char *why)
{
	snprintf(result->reason[site], sizeof(result->reason[site]), "tier %d: %s", tier, why);
}

/*
 * A site is attached when all its programs are; its reason names those that are not. One of tier 2 stands by then, for there is
 * another that does its work, of the same site or of others.
 */
static void refuse(struct attached *result, struct program *program, const char *reason)
{
	char *all = result->reason[program->site];
	size_t used = strlen(all);

	say(program->is_tier_two ? "info" : "warn", "%s is not attached: %s", program->name, reason);
	program->left = true;
	follows_functions = follows_functions && !program->follows;
	if (program->is_tier_two && program->site != SITE_file_open) {
		say_tier(result, program->site, 1, reason);
		return;
	}
	result->sites &= ~(1ull << program->site);
	if (program->is_tier_two)
		return;
	if (strcmp(program->name, site_names[program->site]) == 0)
		snprintf(all + used, sizeof(result->reason[0]) - used, "%s%s", used ? "; " : "", reason);
	else
		snprintf(all + used, sizeof(result->reason[0]) - used, "%s%s: %s", used ? "; " : "", program->name, reason);
}

static bool loads_alone(const struct program *program, int counters_fd)
{
	if (!load(program, (unsigned)getpagesize(), counters_fd))
		return false;
	bpf_object__close(object);
	return true;
}

static bool attaches_alone(const struct program *program, int counters_fd)
{
	struct bpf_link *link;

	if (!load(program, (unsigned)getpagesize(), counters_fd))
		return false;
	link = bpf_program__attach(bpf_object__find_program_by_name(object, program->name));
	bpf_link__destroy(link);
	bpf_object__close(object);
	object = NULL;
	return link;
}

#define FIRST_FOLLOWED "entry_32__compat_sys_open"

/* Some kernels let no program onto their functions, and those before 5.12 may free what a call returns to that sleeps in one. */
static void follow_functions(struct attached *result, int counters_fd)
{
	struct program *first = find_program(FIRST_FOLLOWED);

	if (first->left)
		return;
	if (refuses_trampolines)
		refuse(result, first, first_warning);
	else if (!kernel_has("bpf_tramp_image", BTF_KIND_STRUCT))
		refuse(result, first, "this kernel does not keep what a call returns to that sleeps in one");
	else if (attaches_alone(first, counters_fd))
		follows_functions = true;
	else
		refuse(result, first, first_warning);
}

static void leave_what_does_not_load(struct attached *result, bool tier_two, int counters_fd)
{
	for (int i = 0; i < program_count; i++) {
		struct program *program = &programs[i];

		if (program->is_tier_two != tier_two || program->left || !is_chosen(program))
			continue;
		if (!(tier_two && refuses_trampolines) && loads_alone(program, counters_fd))
			continue;
		refuses_trampolines = refuses_trampolines || (tier_two && errno == EPERM);
		refuse(result, program, first_warning);
	}
}

/*
 * libbpf loads all or nothing. So when all does not go, each is tried alone, and those that went are loaded together. Tier 2 is
 * tried first: some kernels have none of it.
 */
static bool load_what_loads(struct attached *result, unsigned ring_bytes, int counters_fd)
{
	leave_what_does_not_load(result, true, counters_fd);
	follow_functions(result, counters_fd);
	if (load(NULL, ring_bytes, counters_fd))
		return true;
	if (follows_functions)
		leave_what_does_not_load(result, true, counters_fd);
	looks_at_all = looks_at_all || !loads_alone(find_program("openat"), counters_fd);
	leave_what_does_not_load(result, false, counters_fd);
	return load(NULL, ring_bytes, counters_fd);
}

/* By their ids, so that whoever takes hold of them is told. */
static void know_own(__u32 kind, int fd)
{
	/* The kernel writes as much as there is room for. */
	union {
		struct bpf_prog_info program;
		struct bpf_map_info map;
		struct bpf_link_info link;
	} info = {};
	__u32 length = kind == FRAME_BPF_PROGRAM ? sizeof(info.program) : kind == FRAME_BPF_MAP ? sizeof(info.map)
												 : sizeof(info.link);
	struct bpf_object_id id = { .kind = kind };
	__u8 value = 1;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length))
		return; /* a link of a kernel before 5.15 is a descriptor of perf, which nobody else can take */
	id.id = kind == FRAME_BPF_PROGRAM ? info.program.id : kind == FRAME_BPF_MAP ? info.map.id : info.link.id;
	bpf_map_update_elem(map_fd("own"), &id, &value, BPF_ANY);
}

static void know_own_objects(void)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
		know_own(FRAME_BPF_PROGRAM, bpf_program__fd(program));
	bpf_object__for_each_map(map, object)
		know_own(FRAME_BPF_MAP, bpf_map__fd(map));
}

/* The root of the cgroup v2 tree, where it is alone or beside those of v1; -1: none is mounted. */
static int open_cgroup_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return -1;
}

static struct bpf_link *attach_program(struct bpf_program *program)
{
	struct bpf_link *link;
	int root;

	if (strncmp(bpf_program__section_name(program), "cgroup/", 7))
		return bpf_program__attach(program);
	root = open_cgroup_root();
	if (root < 0) {
		snprintf(first_warning, sizeof(first_warning),
			 "no cgroup v2 tree is mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified");
		return NULL;
	}
	link = bpf_program__attach_cgroup(program, root);
	close(root);
	return link;
}

/* A tracepoint of something that this kernel was built without, modules for one: nothing can be missed there. */
static bool kernel_has_none(const struct bpf_program *program)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	const char *section = bpf_program__section_name(program);
	char path[PATH_MAX];

	for (size_t i = 0; strncmp(section, "tp/", 3) == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/events/sched", places[i]);
		if (faccessat(AT_FDCWD, path, F_OK, AT_EACCESS)) /* tracefs is root's: by our capabilities, not by our user */
			continue;
		snprintf(path, sizeof(path), "%s/events/%s", places[i], section + 3);
		return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) != 0 && errno == ENOENT;
	}
	return false;
}

static void attach_what_is_loaded(struct attached *result)
{
	for (int i = 0; i < program_count; i++) {
		struct program *program = &programs[i];
		struct bpf_program *loaded = bpf_object__find_program_by_name(object, program->name);

		if (program->left || !is_chosen(program))
			continue;
		first_warning[0] = 0;
		program->link = attach_program(loaded);
		if (program->link) {
			know_own(FRAME_BPF_LINK, bpf_link__fd(program->link));
			links_watch(program->site, bpf_link__fd(program->link));
		} else if (kernel_has_none(loaded))
			say("info", "this kernel has nothing for %s to see", program->name);
		else {
			refuse(result, program, first_warning[0] ? first_warning : strerror(errno));
			if (program->follows) /* the other one is not loaded */
				result->sites &= ~(1ull << program->site);
		}
	}
	if (follows_functions)
		say_tier(result, SITE_entry_32, 2, "by the functions of its calls");
}

/* Tracepoints are found through tracefs. */
static void want_tracefs(void)
{
	static const char *const path = "/sys/kernel/tracing";
	struct statfs fs;

	if (statfs(path, &fs) == 0 && fs.f_type != TRACEFS_MAGIC && access("/sys/kernel/debug/tracing/events", F_OK))
		mount("tracefs", path, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");
}

static bool open_rings(void)
{
	return ring_open(PIPE_AGENT, map_fd("ring")) && ring_open(PIPE_GUARD, map_fd("guard_ring"));
}

static bool map_shared_variable(void)
{
	void *at = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd(".bss"), 0);
	struct stat own;

	shared = at;
	if (at == MAP_FAILED || stat("/proc/self/ns/pid", &own))
		return false;
	shared->introduction.pid_ns = (__u32)own.st_ino;
	return true;
}

static void open_policies(uint64_t sites)
{
	struct policy_table *tables;

	if (!(sites >> SITE_policy & 1))
		return;
	tables = mmap(NULL, POLICY_TABLES * sizeof(*tables), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd("policies"), 0);
	if (tables == MAP_FAILED)
		say("warn", "network policies cannot be followed: %s", strerror(errno));
	else
		policies_open(shared, tables);
}

static bool open_protected(void)
{
	struct protected_table *tables;

	tables = mmap(NULL, PROTECTED_TABLES * sizeof(*tables), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd("protected"), 0);
	if (tables == MAP_FAILED)
		return false;
	protected_open(shared, tables);
	return true;
}

/* Opens a path by a call whose site is attached, and asks what the kernel side saw. O_PATH touches nothing. */
static bool object_of(const char *path, uint64_t sites, struct object *result)
{
	struct { __u64 flags, mode, resolve; } how = { .flags = O_PATH | O_CLOEXEC };
	__u64 before = shared->introduction.answers;
	long fd = -1;

	if (sites & 1ull << SITE_openat)
		fd = syscall(SYS_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC);
	else if (sites & 1ull << SITE_openat2)
		fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
#ifdef SYS_open
	else if (sites & 1ull << SITE_open)
		fd = syscall(SYS_open, path, O_PATH | O_CLOEXEC);
#endif
	if (fd < 0)
		return false;
	close((int)fd);
	*result = shared->introduction.object;
	return shared->introduction.answers != before;
}

static void set_mark(uint32_t mark)
{
	shared->marks[mark] = 1;
	own_maps_mark(mark);
}

static void mark_digest(uint32_t digest)
{
	set_mark(mark_of(digest));
}

/* Of two entries for one object the first in the list counts. */
static bool mark(const struct object *key, enum watch_how how, __u32 entry)
{
	struct watch value = { 0, NO_ENTRY };

	bpf_map_lookup_elem(map_fd("watched"), key, &value);
	value.how |= how;
	if (how != WATCH_NAMES && entry < value.entry)
		value.entry = entry;
	set_mark(mark_of(key->ino));
	return bpf_map_update_elem(map_fd("watched"), key, &value, BPF_ANY) == 0;
}

/* A file that does not exist yet is watched by its directory and name alone. */
static bool watch_file(const char *path, __u32 entry, uint64_t sites)
{
	char copy[PATH_MAX];
	struct watched_name name = {};
	struct object self;
	char *slash;

	snprintf(copy, sizeof(copy), "%s", path);
	slash = strrchr(copy, '/');
	if (!slash || strlen(slash + 1) >= NAME_BYTES)
		return false;
	memcpy(name.name, slash + 1, strlen(slash + 1));
	slash[slash == copy] = 0;
	if (object_of(path, sites, &self) && !mark(&self, WATCH_OBJECT, entry))
		return false;
	if (!object_of(copy, sites, &name.dir) || !mark(&name.dir, WATCH_NAMES, NO_ENTRY))
		return false;
	return bpf_map_update_elem(map_fd("names"), &name, &entry, BPF_NOEXIST) == 0 || errno == EEXIST;
}

static bool watch(const char *path, __u32 entry, uint64_t sites)
{
	char text[PATH_BYTES] = {};
	char *real = realpath(path, NULL);
	struct stat status;
	struct object self;
	bool done;

	memcpy(text, path, strlen(path));
	if (bpf_map_update_elem(map_fd("paths"), &entry, text, BPF_ANY))
		done = false;
	else if (real && stat(real, &status) == 0 && S_ISDIR(status.st_mode))
		done = object_of(real, sites, &self) && mark(&self, WATCH_ALL, entry);
	else
		done = watch_file(real ? real : path, entry, sites);
	free(real);
	return done;
}

static void end_link(struct program *program)
{
	bpf_link__destroy(program->link);
	program->link = NULL;
}

static void take_off(struct attached *result, struct program *program, const char *why)
{
	if (program->left)
		return;
	end_link(program);
	refuse(result, program, why);
}

/*
 * A kernel loads and attaches programs of an LSM that it was started without, and never runs them. So one open shows whether it
 * does; from then on opens are told by object.
 */
static void prefer_tier_two(struct attached *result)
{
	struct program *opened = find_program("file_open"), *given = find_program("passed__file_receive"), *received = find_program("passed");
	bool is_whole = (result->sites & FILE_SITES) == FILE_SITES;
	const char *why = is_whole ? "the kernel was started without the LSM of BPF: name bpf in lsm= on its command line"
				   : "it needs the other sites of opens beside it";

	close(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	shared->by_object = is_whole && shared->introduction.answers_by_object;
	if (opened->left)
		why = "file_open is not attached";
	if (!shared->by_object) {
		take_off(result, opened, why);
		take_off(result, given, why);
	} else if (!given->left) {
		end_link(received);
		received->left = true;
		say_tier(result, SITE_passed, 2, "lsm/file_receive");
	}
}

const char *attach_failure(void)
{
	return first_warning;
}

/* A file of ours for canaries to open. */
static void watch_canary(__u32 entry, uint64_t sites)
{
	char text[PATH_BYTES] = CANARY_NAME;
	struct object self;

	if (canary_file() && bpf_map_update_elem(map_fd("paths"), &entry, text, BPF_ANY) == 0 &&
	    object_of(canary_file(), sites, &self))
		mark(&self, WATCH_OBJECT, entry);
}

/* From here on the programs alone write to them: not even root puts anything else in, or takes an entry out. */
static void freeze_maps(void)
{
	static const char *const names[] = { "watched", "names", "paths", "own" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bpf_map_freeze(map_fd(names[i])))
			say("warn", "the map %s cannot be frozen: %s", names[i], strerror(errno));
}

/* The directory that a path is watched in, or is: another one under the same path is told to the programs by a start alone. */
static void digest_place(struct sha256 *digest, const char *path, __u64 urgent)
{
	char *real = realpath(path, NULL), place[PATH_MAX];
	struct stat found = {};
	__u64 id[3] = { 0, 0, urgent };

	snprintf(place, sizeof(place), "%s", real ? real : path);
	if (stat(place, &found) || !S_ISDIR(found.st_mode)) {
		*strrchr(place, '/') = 0;
		if (stat(*place ? place : "/", &found))
			memset(&found, 0, sizeof(found));
	}
	free(real);
	id[0] = found.st_dev;
	id[1] = found.st_ino;
	sha256_add(digest, path, strlen(path) + 1);
	sha256_add(digest, id, sizeof(id));
}

/* What programs do hangs on these: the object, and all that they are told. */
static void digest_orders(const struct options *options, uint64_t sites, uint8_t result[SHA256_BYTES])
{
	__u64 numbers[] = { sites, options->ring_bytes, options->repeat_seconds, options->compatible, canary_file() != NULL };
	struct sha256 digest;

	sha256_begin(&digest);
	sha256_add(&digest, bpf_object_begin, (size_t)(bpf_object_end - bpf_object_begin));
	sha256_add(&digest, numbers, sizeof(numbers));
	for (size_t i = 0; i < options->read_count; i++)
		if (!(options->watch[i].words & ENTRY_HANGS))
			digest_place(&digest, options->watch[i].path, options->watch[i].words & ENTRY_URGENT);
	sha256_end(&digest, result);
}

static const struct kept_program *kept_as(const char *name)
{
	for (__u32 i = 0; i < adopted->count; i++)
		if (strcmp(adopted->programs[i].name, name) == 0)
			return &adopted->programs[i];
	return NULL;
}

static bool knows(const char *path, uint64_t sites)
{
	struct object file;
	struct watch value;

	return access(path, F_OK) || (object_of(path, sites, &file) && bpf_map_lookup_elem(map_fd("watched"), &file, &value) == 0);
}

/* Whether the maps have what is to be watched: whoever made them anew may have left it out. */
static bool knows_orders(const struct options *options, uint64_t sites)
{
	bool knows_all = !canary_file() || knows(canary_file(), sites);

	for (size_t i = 0; i < options->read_count && knows_all; i++)
		knows_all = options->watch[i].words & ENTRY_HANGS || knows(options->watch[i].path, sites);
	return knows_all;
}

static void keep_marks(void)
{
	struct object key, *before = NULL;

	for (; bpf_map_get_next_key(map_fd("watched"), before, &key) == 0; before = &key)
		own_maps_mark(mark_of(key.ino));
}

/* What a sensor that was killed has left. It sees all of this process by then, and tells it: takeover.c. */
static bool take_over(const struct options *options, const uint8_t of[SHA256_BYTES], struct counters *counters, int counters_fd, struct attached *result)
{
	bool fits;

	adopted = in_initial_pid_namespace() ? keep_take(of, counters_fd) : NULL;
	if (!adopted || gives_way(options, adopted->sites) || !map_shared_variable() || !open_rings())
		return false;
	shared->until_ns = boot_ns() + OUTLIVING_SECONDS * 1000000000ull;
	shared->has_guard = options->guard_socket != NULL;
	own_process(OWN_SENSOR, getpid());
	own_process(OWN_CHANGES, changes_pid());
	shared->introduction.pid = (__u32)getpid();
	fits = shared->repeat_ns == options->repeat_seconds * 1000000000ull && shared->by_object == !!kept_as("file_open") &&
	       (!(adopted->sites & FILE_SITES) || knows_orders(options, adopted->sites));
	shared->introduction.pid = 0;
	if (!fits || !open_protected())
		return false;
	keep_marks();
	for (__u32 i = 0; i < adopted->count; i++)
		links_watch(site_of(adopted->programs[i].name), keep_link(i));
	for (size_t i = 0; i < options->read_count; i++)
		refused_know(&options->watch[i], mark_digest);
	open_policies(adopted->sites);
	counters_take_over(counters, BPF_SITES, (uint64_t[PIPES]){ ring_at(PIPE_AGENT), ring_at(PIPE_GUARD) });
	result->sites = adopted->sites;
	for (int site = 0; site < SITE_COUNT; site++)
		if (BPF_SITES >> site & 1)
			memcpy(result->reason[site], adopted->reason[site], sizeof(result->reason[site]));
	return true;
}

static void leave_to_the_next(const struct attached *result)
{
	keep_begin(orders);
	for (int i = 0; i < program_count; i++)
		if (programs[i].link && !keep_program(programs[i].name, bpf_link__fd(programs[i].link))) {
			say("info", "the programs end with this sensor, for their links cannot be pinned: %s", strerror(errno));
			pins_clear();
			return;
		}
	if (!keep_end(map_fd, result))
		pins_clear();
}

static bool attach_anew(const struct options *options, uint64_t sites, int counters_fd, struct attached *result)
{
	looks_at_all = options->compatible;
	rdonly_cast = kernel_has("bpf_rdonly_cast", BTF_KIND_FUNC);
	result->sites = sites & ~options->without;
	want_tracefs();
	if (!list_programs(result->sites) || !load_what_loads(result, options->ring_bytes, counters_fd) ||
	    !map_shared_variable() || !open_protected()) {
		memset(result->reason, 0, sizeof(result->reason));
		result->sites = 0;
		return false;
	}
	know_own_objects();
	open_policies(result->sites);
	shared->until_ns = boot_ns() + OUTLIVING_SECONDS * 1000000000ull;
	shared->repeat_ns = options->repeat_seconds * 1000000000ull;
	shared->has_guard = options->guard_socket != NULL;
	own_process(OWN_SENSOR, getpid());
	own_process(OWN_CHANGES, changes_pid());
	shared->introduction.pid = (__u32)getpid();
	attach_what_is_loaded(result);
	prefer_tier_two(result);
	for (size_t i = 0; i < options->read_count && sites & FILE_SITES; i++) {
		shared->urgent[i] = !!(options->watch[i].words & ENTRY_URGENT);
		if (!(options->watch[i].words & ENTRY_HANGS) && !watch(options->watch[i].path, (__u32)i, result->sites))
			say("warn", "%s cannot be watched: its directory does not exist, or no open site is attached",
			    options->watch[i].path);
		refused_know(&options->watch[i], mark_digest);
	}
	if (sites & FILE_SITES)
		watch_canary((__u32)options->watch_count, result->sites);
	shared->introduction.pid = 0;
	freeze_maps();
	return open_rings();
}

/* Call as root, before privileges are dropped. false: nothing at all could be loaded; attach_failure() has the reason. */
bool attach(const struct options *options, uint64_t sites, struct counters *counters, int counters_fd, struct attached *result)
{
	libbpf_set_print(keep_first_warning);
	digest_orders(options, sites & ~options->without, orders);
	result->adopted = take_over(options, orders, counters, counters_fd, result);
	if (!result->adopted) {
		pins_clear();
		keep_release();
		rings_close();
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); /* what ran on another processor has counted by now */
		counters_settle(counters, BPF_SITES);
		if (!attach_anew(options, sites, counters_fd, result))
			return false;
	}
	own_maps_shared(shared);
	return true;
}

/* What it was loaded from takes 12 MB: links hold the programs, programs their maps. Its bytes are the file's, should they be read again. */
static void let_go_of_object(void)
{
	uintptr_t page = (uintptr_t)getpagesize();
	uintptr_t begin = ((uintptr_t)bpf_object_begin + page - 1) & -page, end = (uintptr_t)bpf_object_end & -page;

	bpf_object__close(object);
	object = NULL;
	malloc_trim(0);
	madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/*
 * Call once it is known which domains other sources watch. Only what is whole is left to the next sensor: where something gave way
 * the programs end with this one.
 */
void attach_settle(const struct attached *attached, bool is_whole)
{
	if (!attached->adopted && is_whole)
		leave_to_the_next(attached);
	pins_settled();
	let_go_of_object();
}

static bool has_tag(const struct kept_program *kept)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, kept->name);
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	return program && bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) == 0 &&
	       memcmp(info.tag, kept->tag, sizeof(kept->tag)) == 0;
}

enum { USED_MAPS_MAX = 64 };
/* Maps of our own object, each with what was taken over in its place. */
static struct { __u32 own, kept; } used_maps[USED_MAPS_MAX];
static size_t used_map_count;

/* One for each, and the same in all programs. */
static bool is_pair(__u32 own, __u32 kept)
{
	for (size_t i = 0; i < used_map_count; i++)
		if (used_maps[i].own == own || used_maps[i].kept == kept)
			return used_maps[i].own == own && used_maps[i].kept == kept;
	if (!own || !kept || used_map_count == USED_MAPS_MAX)
		return false;
	used_maps[used_map_count].own = own;
	used_maps[used_map_count++].kept = kept;
	return true;
}

static bool pair_kept_maps(void)
{
	for (int i = 0; i < KEPT_MAPS; i++)
		if (!is_pair(keep_map_id(bpf_object__find_map_fd_by_name(object, keep_map_name(i))), adopted->maps[i]))
			return false;
	return true;
}

/* In the order in which its instructions name them. Returns how many; UINT32_MAX: nobody can tell. */
static __u32 maps_of(int program, __u32 ids[USED_MAPS_MAX])
{
	struct bpf_prog_info info = { .nr_map_ids = USED_MAPS_MAX, .map_ids = (uintptr_t)ids };
	__u32 length = sizeof(info);

	return program >= 0 && bpf_obj_get_info_by_fd(program, &info, &length) == 0 && info.nr_map_ids <= USED_MAPS_MAX
		       ? info.nr_map_ids
		       : UINT32_MAX;
}

/* A tag says nothing of maps: whether it works on those that were taken over. */
static bool works_on_ours(const struct kept_program *kept)
{
	__u32 own_ids[USED_MAPS_MAX], ids[USED_MAPS_MAX];
	int program = bpf_prog_get_fd_by_id(kept->program);
	__u32 own = maps_of(bpf_program__fd(bpf_object__find_program_by_name(object, kept->name)), own_ids);
	bool ours = own != UINT32_MAX && maps_of(program, ids) == own;

	for (__u32 i = 0; ours && i < own; i++)
		ours = is_pair(own_ids[i], ids[i]);
	if (program >= 0)
		close(program);
	return ours;
}

/* Whether one of tier 2 that was taken over does its work. */
static bool is_stood_in(const struct program *program)
{
	return program->site == SITE_passed && kept_as("passed__file_receive");
}

/* Whether its site is said to be attached, so that it is to be there. */
static bool is_due(const struct program *program)
{
	return adopted->sites >> program->site & 1 && (!program->is_tier_two || program->follows) && !is_stood_in(program) && is_chosen(program) &&
	       !kernel_has_none(bpf_object__find_program_by_name(object, program->name));
}

/* Whether what was taken over is all of what our own object becomes when it is loaded. In a process of its own: it ends with it. */
bool adopted_are_own(const struct options *options)
{
	if (!list_programs(ALL_SITES))
		return false;
	for (int i = 0; i < program_count; i++)
		programs[i].left = !kept_as(programs[i].name);
	looks_at_all = options->compatible || kept_as("openat_any");
	follows_functions = kept_as(FIRST_FOLLOWED);
	rdonly_cast = kernel_has("bpf_rdonly_cast", BTF_KIND_FUNC);
	if (!load(NULL, (unsigned)getpagesize(), keep_map("counters")))
		return false;
	if (!pair_kept_maps())
		return false;
	for (int i = 0; i < program_count; i++)
		if (programs[i].left && is_due(&programs[i]))
			return false;
	for (__u32 i = 0; i < adopted->count; i++)
		if (!has_tag(&adopted->programs[i]) || !works_on_ours(&adopted->programs[i]))
			return false;
	return true;
}

/* This is one of our own: from now on signals to it are told. */
void own_process(int which, pid_t pid)
{
	if (!shared)
		return;
	own_maps_process(which, (__u32)pid); /* first: who began after the last time is not the one that is meant */
	shared->own[which] = (__u32)pid;
}

/* Nothing more comes from these, and the others end with this sensor. */
void detach_sites(uint64_t sites)
{
	pins_clear();
	pins_settled();
	keep_release();
	for (int i = 0; i < program_count; i++)
		if (sites >> programs[i].site & 1)
			end_link(&programs[i]);
}

void detach(void)
{
	detach_sites(ALL_SITES);
}
