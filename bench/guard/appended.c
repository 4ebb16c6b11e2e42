/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appended DIR: says of each write to a file in DIR when it was over, by CLOCK_REALTIME in nanoseconds, how long the file was then, and its
 * name. The kernel tells of a write once it is done, of one that syncs (O_DSYNC) once it is durable.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char events[1 << 16] __attribute__((aligned(__alignof__(struct inotify_event))));
	int watcher = inotify_init1(IN_CLOEXEC);
	ssize_t n;

	if (argc != 2 || watcher < 0 || chdir(argv[1]) || inotify_add_watch(watcher, ".", IN_MODIFY) < 0) {
		perror("appended");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while ((n = read(watcher, events, sizeof(events))) > 0) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		for (char *at = events; at < events + n;) {
			const struct inotify_event *event = (const void *)at;
			struct stat is;

			if (event->len && stat(event->name, &is) == 0)
				printf("%lld%09ld %lld %s\n", (long long)now.tv_sec, now.tv_nsec, (long long)is.st_size, event->name);
			at += sizeof(*event) + event->len;
		}
		fflush(stdout);
	}
	return 0;
}
