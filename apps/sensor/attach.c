/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and attaches each program by itself as far as it goes: one that fails takes no other down. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "programs.h"

static const struct kept *adopted;
static uint8_t orders[SHA256_BYTES];
static volatile struct shared *shared;
static bool refuses_trampolines; /* this kernel lets no program onto its functions, nor onto its LSM hooks */

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
	kernel_form.follows_functions = kernel_form.follows_functions && !program->follows;
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
		kernel_form.follows_functions = true;
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
	if (kernel_form.follows_functions)
		leave_what_does_not_load(result, true, counters_fd);
	kernel_form.looks_at_all = kernel_form.looks_at_all || !loads_alone(find_program("openat"), counters_fd);
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
int open_cgroup_root(void)
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
	if (kernel_form.follows_functions)
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
	marks_open(shared);
	return true;
}

static void open_policies(uint64_t sites)
{
	if (sites >> SITE_policy & 1 && !policies_open(shared, map_fd("policies")))
		say("warn", "network policies cannot be followed: %s", strerror(errno));
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

/* What the guard has denied is refused whole or not at all: also the opens of a memory, which file_open refuses. */
static void prevent(struct attached *result, struct program *reaching, struct program *asking, const char *why)
{
	shared->prevents = shared->by_object && !reaching->left && !asking->left;
	if (shared->prevents) {
		say_tier(result, SITE_reach, 2, "lsm/ptrace_access_check");
		return;
	}
	take_off(result, reaching, why);
	take_off(result, asking, why);
}

/*
 * A kernel loads and attaches programs of an LSM that it was started without, and never runs them. So one open shows whether it
 * does; from then on opens are told by object.
 */
static void prefer_tier_two(struct attached *result)
{
	struct program *opened = find_program("file_open"), *given = find_program("passed__file_receive"), *received = find_program("passed");
	struct program *reaching = find_program("reach__ptrace_access_check"), *asking = find_program("reach__ptrace_traceme");
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
	}
	prevent(result, reaching, asking, why);
	if (shared->by_object && !given->left) {
		end_link(received);
		received->left = true;
		say_tier(result, SITE_passed, 2, "lsm/file_receive");
	}
}

/* From here on the programs alone write to them: not even root puts anything else in, or takes an entry out. */
static void freeze_maps(void)
{
	static const char *const names[] = { "watched", "names", "paths", "own" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bpf_map_freeze(map_fd(names[i])))
			say("warn", "the map %s cannot be frozen: %s", names[i], strerror(errno));
}

/* What programs do hangs on these: the object, and all that they are told. */
static void digest_orders(const struct options *options, uint64_t sites, uint8_t result[SHA256_BYTES])
{
	__u64 numbers[] = { sites, options->ring_bytes, options->repeat_seconds, options->compatible, canary_file() != NULL };
	struct sha256 digest;

	sha256_begin(&digest);
	programs_digest(&digest);
	sha256_add(&digest, numbers, sizeof(numbers));
	for (size_t i = 0; i < options->read_count; i++)
		if (!(options->watch[i].words & ENTRY_HANGS))
			digest_place(&digest, options->watch[i].path, options->watch[i].words & ENTRY_URGENT);
	sha256_end(&digest, result);
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
	fits = shared->repeat_ns == options->repeat_seconds * 1000000000ull && shared->by_object == !!kept_as(adopted, "file_open") &&
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
	kernel_form.looks_at_all = options->compatible;
	kernel_form.rdonly_cast = kernel_has("bpf_rdonly_cast", BTF_KIND_FUNC);
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

const char *attach_failure(void)
{
	return first_warning;
}

/* Call as root, before privileges are dropped. false: nothing at all could be loaded; attach_failure() has the reason. */
bool attach(const struct options *options, uint64_t sites, struct counters *counters, int counters_fd, struct attached *result)
{
	programs_warn();
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

/* What it was loaded from takes 12 MB: links hold the programs, programs their maps. */
static void let_go_of_object(void)
{
	bpf_object__close(object);
	object = NULL;
	malloc_trim(0);
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

/* In a process of its own: it ends with it. */
bool adopted_are_own(const struct options *options)
{
	return is_all_of_ours(adopted, options);
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
	links_leave(sites);
	for (int i = 0; i < program_count; i++)
		if (sites >> programs[i].site & 1)
			end_link(&programs[i]);
}

void detach(void)
{
	detach_sites(ALL_SITES);
}
