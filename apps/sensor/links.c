/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever has CAP_SYS_ADMIN can detach a program from its cgroup and leave its link as it is: nothing ends, and nothing is refused or
 * seen any more. What /proc says of the link tells, by files that were opened before privileges were dropped.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sensor.h"

enum { LINKS_MAX = 32, TEXT_BYTES = 512 };

static struct {
	int site, file;
} links[LINKS_MAX];
static size_t count;

static bool read_text(int file, char text[TEXT_BYTES])
{
	ssize_t n = pread(file, text, TEXT_BYTES - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* Call as root. Links of other kinds cannot be detached but by their end. */
void links_watch(int site, int link)
{
	char path[64], text[TEXT_BYTES];
	int file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", link);
	file = site >= 0 && count < LINKS_MAX ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0)
		return;
	if (!read_text(file, text) || !strstr(text, "\ncgroup_id:")) {
		close(file);
		return;
	}
	links[count].site = site;
	links[count++].file = file;
}

/* Sites of which a program was detached, a bit each. */
uint64_t links_detached(void)
{
	char text[TEXT_BYTES];
	uint64_t sites = 0;

	for (size_t i = 0; i < count; i++)
		if (!read_text(links[i].file, text) || strstr(text, "\ncgroup_id:\t0\n"))
			sites |= 1ull << links[i].site;
	return sites;
}
