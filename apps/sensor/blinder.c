/* SPDX-License-Identifier: Apache-2.0 */
/* Tests only: what somebody with root does to a sensor to blind it, without ending it. Says how many things it laid hands on. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keep.h"

static pid_t sensor;

/* Whatever call the sensor makes next becomes a close(), and is made again afterwards: it knows nothing of it. */
static bool next_call(pid_t pid)
{
	int status;

	return ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == (SIGTRAP | 0x80);
}

/* Has the sensor itself close it, which is the only way to take a program away from what calls it. */
static bool close_there(int number)
{
#ifdef __x86_64__
	struct user_regs_struct before, regs;
	int status;

	if (ptrace(PTRACE_ATTACH, sensor, NULL, NULL) || waitpid(sensor, &status, __WALL) != sensor ||
	    ptrace(PTRACE_SETOPTIONS, sensor, NULL, (void *)PTRACE_O_TRACESYSGOOD) || !next_call(sensor) ||
	    ptrace(PTRACE_GETREGS, sensor, NULL, &before))
		return false;
	regs = before;
	regs.orig_rax = SYS_close;
	regs.rdi = (unsigned long long)number;
	ptrace(PTRACE_SETREGS, sensor, NULL, &regs);
	if (!next_call(sensor) || ptrace(PTRACE_GETREGS, sensor, NULL, &regs))
		return false;
	before.rip -= 2; /* the call's own instruction */
	before.rax = before.orig_rax;
	before.orig_rax = ~0ull;
	ptrace(PTRACE_SETREGS, sensor, NULL, &before);
	return ptrace(PTRACE_DETACH, sensor, NULL, NULL) == 0 && regs.rax == 0;
#else
	return number < 0;
#endif
}

static int let_go(int fd, int number)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);

	/* A link of a tracepoint that is no raw one; before Linux 5.15 it was the event itself. */
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type != BPF_LINK_TYPE_PERF_EVENT)
		return 0;
	return close_there(number);
}

/* The sensor has no descriptors of its maps; whoever has CAP_SYS_ADMIN finds them by what its links run. */
static int each_map_of(int link, bool (*harm)(int fd))
{
	static __u32 seen[64];
	static __u32 seen_count;
	struct bpf_link_info of = {};
	__u32 ids[64], length = sizeof(of);
	struct bpf_prog_info program = { .nr_map_ids = 64, .map_ids = (__u64)(uintptr_t)ids };
	int fd = bpf_obj_get_info_by_fd(link, &of, &length) ? -1 : bpf_prog_get_fd_by_id(of.prog_id);
	int harmed = 0;

	length = sizeof(program);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &program, &length))
		return 0;
	for (__u32 i = 0; i < program.nr_map_ids; i++) {
		bool is_new = true;

		for (__u32 j = 0; j < seen_count; j++)
			is_new = is_new && seen[j] != ids[i];
		if (!is_new || seen_count == 64)
			continue;
		seen[seen_count++] = ids[i];
		harmed += harm(bpf_map_get_fd_by_id(ids[i]));
	}
	return harmed;
}

static bool map_named(int fd, const char *name, struct bpf_map_info *info)
{
	__u32 length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &length) == 0 && strcmp(info->name, name) == 0;
}

static bool overwrite_memory(int fd)
{
	struct bpf_map_info info;
	void *at;

	if (!map_named(fd, "sealwatc.bss", &info))
		return false;
	at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return false;
	memset(at, 0, sizeof(struct shared));
	return true;
}

static bool forget_watched(int fd)
{
	struct bpf_map_info info;
	struct object key;

	return map_named(fd, "watched", &info) && bpf_map_get_next_key(fd, NULL, &key) == 0 && bpf_map_delete_elem(fd, &key) == 0;
}

/* What the programs have said, and the sensor has not read, is passed over. */
static bool skip_told(int fd)
{
	struct bpf_map_info info;
	unsigned long *consumer, *producer;
	size_t page = (size_t)getpagesize();

	if (!map_named(fd, "ring", &info))
		return false;
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	producer = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (consumer == MAP_FAILED || producer == MAP_FAILED)
		return false;
	*consumer = *producer;
	return true;
}

/* As if the sensor had been gone for long. */
static int expire(const char *pin)
{
	int fd = bpf_obj_get(pin);
	struct shared *at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd < 0 || at == MAP_FAILED)
		return 0;
	at->until_ns = 1;
	return 1;
}

/* The note that the next sensor takes over by. */
static struct kept kept;
static char pin[256];

static bool read_note(const char *folder)
{
	__u32 zero = 0;
	int note;

	snprintf(pin, sizeof(pin), "%s/note", folder);
	note = bpf_obj_get(pin);
	return note >= 0 && bpf_map_lookup_elem(note, &zero, &kept) == 0;
}

static bool write_note(const char *folder)
{
	__u32 zero = 0;
	int note = bpf_map_create(BPF_MAP_TYPE_ARRAY, "note", sizeof(zero), sizeof(kept), 1, NULL);

	snprintf(pin, sizeof(pin), "%s/note", folder);
	return note >= 0 && bpf_map_update_elem(note, &zero, &kept, BPF_ANY) == 0 && unlink(pin) == 0 && bpf_obj_pin(note, pin) == 0;
}

/* Leaves a program out of it; and says, where it is given, that this site was not attached. */
static int shorten_note(const char *folder, const char *program, const char *site)
{
	__u32 count = 0;

	if (!read_note(folder))
		return 0;
	for (__u32 i = 0; i < kept.count; i++)
		if (strcmp(kept.programs[i].name, program))
			kept.programs[count++] = kept.programs[i];
	if (count == kept.count)
		return 0;
	kept.count = count;
	if (site) {
		kept.sites &= ~(1ull << atoi(site));
		snprintf(kept.reason[atoi(site)], sizeof(kept.reason[0]), "as the test says");
	}
	return write_note(folder);
}

/* Pins another map of the same kind in the place of one, and says in the note that it is the one. */
static int swap_map(const char *folder, const char *name)
{
	static const char *const pins[KEPT_MAPS] = { "counters", "ring", "shared", "watched", "policies", "guard_ring", "protected" };
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	int which = 0, other;

	while (which < KEPT_MAPS && strcmp(pins[which], name))
		which++;
	if (which == KEPT_MAPS || !read_note(folder))
		return 0;
	snprintf(pin, sizeof(pin), "%s/%s", folder, name);
	if (bpf_obj_get_info_by_fd(bpf_obj_get(pin), &info, &length))
		return 0;
	LIBBPF_OPTS(bpf_map_create_opts, flags, .map_flags = info.map_flags);
	other = bpf_map_create(info.type, "other", info.key_size, info.value_size, info.max_entries, &flags);
	length = sizeof(info);
	if (other < 0 || unlink(pin) || bpf_obj_pin(other, pin) || bpf_obj_get_info_by_fd(other, &info, &length))
		return 0;
	kept.maps[which] = info.id;
	return write_note(folder);
}

/* Programs at a cgroup: the link stays, and nothing runs. */
static int detach_from_cgroup(int link, int number)
{
	(void)number;
	return bpf_link_detach(link) == 0;
}

static int harm_memory(int link, int number)
{
	(void)number;
	return each_map_of(link, overwrite_memory);
}

static int harm_watched(int link, int number)
{
	(void)number;
	return each_map_of(link, forget_watched);
}

static int harm_ring(int link, int number)
{
	(void)number;
	return each_map_of(link, skip_told);
}

static const struct {
	const char *name, *link;
	int (*harm)(int fd, int number);
} ways[] = {
	{ "links", "anon_inode:[perf_event]", let_go },
	{ "links", "anon_inode:bpf_link", let_go },
	{ "detach", "anon_inode:bpf_link", detach_from_cgroup },
	{ "memory", "anon_inode:bpf_link", harm_memory },
	{ "watched", "anon_inode:bpf_link", harm_watched },
	{ "ring", "anon_inode:bpf_link", harm_ring },
};

static int harm_all(size_t way, const char *pid)
{
	int process = (int)syscall(SYS_pidfd_open, atoi(pid), 0), harmed = 0;
	char folder[64], path[320], link[64];
	struct dirent *entry;
	DIR *fds;

	snprintf(folder, sizeof(folder), "/proc/%s/fd", pid);
	fds = opendir(folder);
	while (fds && (entry = readdir(fds))) {
		ssize_t length;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		length = readlink(path, link, sizeof(link) - 1);
		link[length < 0 ? 0 : length] = 0;
		if (strcmp(link, ways[way].link) == 0)
			harmed += ways[way].harm((int)syscall(SYS_pidfd_getfd, process, atoi(entry->d_name), 0),
						 atoi(entry->d_name));
	}
	return harmed;
}

int main(int argc, char **argv)
{
	int harmed = 0, found = 0;

	for (size_t way = 0; argc == 3 && way < sizeof(ways) / sizeof(ways[0]); way++)
		if (strcmp(argv[1], ways[way].name) == 0) {
			sensor = atoi(argv[2]);
			harmed += harm_all(way, argv[2]);
			found = 1;
		}
	if (argc == 3 && strcmp(argv[1], "expire") == 0)
		return printf("%d\n", expire(argv[2])), 0;
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "note") == 0)
		return printf("%d\n", shorten_note(argv[2], argv[3], argc == 5 ? argv[4] : NULL)), 0;
	if (argc == 4 && strcmp(argv[1], "map") == 0)
		return printf("%d\n", swap_map(argv[2], argv[3])), 0;
	if (found)
		return printf("%d\n", harmed), 0;
	fputs("usage: blinder links|detach|memory|watched|ring PID\n       blinder expire PIN\n       blinder note FOLDER PROGRAM [SITE]\n       blinder map FOLDER PIN\n", stderr);
	return 2;
}
