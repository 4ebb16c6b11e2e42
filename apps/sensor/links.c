/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever has CAP_SYS_ADMIN can detach a program from its cgroup and leave its link as it is: nothing ends, and nothing is refused or
 * seen any more. What /proc says of the link tells, by files that were opened before privileges were dropped. The program is attached again by
 * another link, which takes no privilege since Linux 5.19 (the program and the cgroup are open); the detached one is left to whom it is pinned for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "programs.h"

enum { LINKS_MAX = 32, TEXT_BYTES = 512 };

static struct attached_link {
	int site, file, program, again; /* descriptors; -1: there is none */
	enum bpf_attach_type type;
} links[LINKS_MAX];
static size_t count;
static int root = -1; /* of the cgroups */

static bool read_text(int file, char text[TEXT_BYTES])
{
	ssize_t n = pread(file, text, TEXT_BYTES - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

static int open_text(int link)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", link);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Call as root. Links of other kinds cannot be detached but by their end. */
void links_watch(int site, int link)
{
	char text[TEXT_BYTES];
	const char *type;
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);
	int file = site >= 0 && count < LINKS_MAX ? open_text(link) : -1;

	if (file < 0)
		return;
	if (!read_text(file, text) || !strstr(text, "\ncgroup_id:") || !(type = strstr(text, "\nattach_type:"))) {
		close(file);
		return;
	}
	if (root < 0)
		root = open_cgroup_root();
	links[count] = (struct attached_link){ .site = site, .file = file, .program = -1, .again = -1 };
	if (sscanf(type, "\nattach_type: %u", &links[count].type) == 1 && bpf_obj_get_info_by_fd(link, &info, &length) == 0)
		links[count].program = bpf_prog_get_fd_by_id(info.prog_id);
	count++;
}

static bool attach_again(struct attached_link *link)
{
	int fresh = link->program < 0 ? -1 : bpf_link_create(link->program, root, link->type, NULL), file = fresh < 0 ? -1 : open_text(fresh);

	if (file < 0) {
		close_one(fresh);
		return false;
	}
	close(link->file);
	close_one(link->again);
	link->file = file;
	link->again = fresh;
	return true;
}

/* Whether one was detached since the last look. It is attached again; the sites of those that cannot be are added to the lost ones, a bit each. */
bool links_look(uint64_t *lost)
{
	char text[TEXT_BYTES];
	bool detached = false;

	for (size_t i = 0; i < count; i++) {
		if (read_text(links[i].file, text) && !strstr(text, "\ncgroup_id:\t0\n"))
			continue;
		detached = true;
		if (!attach_again(&links[i]))
			*lost |= 1ull << links[i].site;
	}
	return detached;
}

/* These sites end here. */
void links_leave(uint64_t sites)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		if (!(sites >> links[i].site & 1)) {
			links[left++] = links[i];
			continue;
		}
		close(links[i].file);
		close_one(links[i].program);
		close_one(links[i].again);
	}
	count = left;
}
