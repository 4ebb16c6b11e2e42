/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system whose server does not answer (FUSE, NFS) keeps whoever asks it for anything, for ever. So where there is one that has a server a
 * child asks first, path by path, and what it does not come back from is left alone.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sensor.h"

enum { PATIENCE_MS = 2000 };

static bool has_server(const char *type)
{
	static const char *const types[] = { "fuse ", "fuse.", "fuseblk ", "nfs", "cifs ", "smb3 ", "9p ", "ceph ", "afs ", "autofs ", "virtiofs " };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strncmp(type, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

static bool any_has_server(void)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (mounts && !found && getline(&line, &room, mounts) > 0) {
		const char *type = strstr(line, " - "); /* spaces in paths are escaped */

		found = type && has_server(type + 3);
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return found;
}

static void ask(const char *path)
{
	struct stat found;
	struct statfs system;

	free(realpath(path, NULL));
	stat(path, &found);
	statfs(path, &system);
}

/* From an entry on, until one does not answer. Returns which that is. */
static size_t first_hanging(const struct watch_entry *list, size_t from, size_t count, const bool wanted[])
{
	int answers[2];
	struct pollfd answered;
	pid_t child;
	char byte;

	if (pipe2(answers, O_CLOEXEC))
		return count;
	child = fork();
	for (size_t i = from; child == 0 && i < count; i++) {
		if (wanted[i])
			ask(list[i].path);
		(void)!write(answers[1], "", 1);
	}
	if (child == 0)
		_exit(EXIT_SUCCESS);
	close(answers[1]);
	answered = (struct pollfd){ .fd = answers[0], .events = POLLIN };
	while (from < count && child > 0 && poll(&answered, 1, PATIENCE_MS) > 0 && read(answers[0], &byte, 1) == 1)
		from++;
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, from == count ? 0 : WNOHANG); /* one that hangs may never end */
	}
	close(answers[0]);
	return child > 0 ? from : count;
}

/* Takes two seconds for each that hangs, and where nothing has a server none. */
void find_hanging(const struct watch_entry *list, size_t count, const bool wanted[], bool hangs[])
{
	memset(hangs, 0, count * sizeof(hangs[0]));
	if (!any_has_server())
		return;
	for (size_t i = first_hanging(list, 0, count, wanted); i < count; i = first_hanging(list, i + 1, count, wanted))
		hangs[i] = true;
}
