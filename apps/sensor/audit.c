/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a process already as it becomes protected: who is in it, what it was started with, and who may change what it runs. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "examiner.h"

enum { INSPECTOR_PORT = 9229, PORTS_MAX = 4, TABLE_BYTES = 256 << 10, DESCRIPTORS_MAX = 4096, ARGUMENTS_BYTES = FRAME_TEXT_BYTES_MAX + 2, LISTENS = 0x0a,
       LISTENERS_MAX = 1024 };

static struct image image;

/* --- code that somebody else may change --- */

struct code_owner {
	int folder;
	uid_t uid;
	char path[FRAME_TEXT_BYTES_MAX + 1]; /* the first that was found */
};

static bool is_others(const struct stat *found, uid_t uid)
{
	bool by_group = found->st_mode & S_IWGRP && found->st_gid != 0;
	bool by_all = found->st_mode & S_IWOTH && !(S_ISDIR(found->st_mode) && found->st_mode & S_ISVTX);

	return (found->st_uid != 0 && found->st_uid != uid) || by_group || by_all;
}

/* As the process sees the path; whoever may write to its folder may put another in its place. false: there is no such file. */
static bool check_path(struct code_owner *of, const char *path)
{
	char inside[sizeof(of->path) + 8];
	struct stat found;
	char *slash;

	snprintf(inside, sizeof(inside), "root%s", path);
	if (path[0] != '/' || fstatat(of->folder, inside, &found, 0) || !S_ISREG(found.st_mode))
		return false;
	if (*of->path)
		return true;
	if (!is_others(&found, of->uid)) {
		slash = strrchr(inside, '/');
		*slash = 0;
		if (fstatat(of->folder, inside, &found, 0) || !is_others(&found, of->uid))
			return true;
	}
	snprintf(of->path, sizeof(of->path), "%s", path);
	return true;
}

static void check_mapping(const char *range, const char *path, bool is_writable, uint64_t file, void *with)
{
	static uint64_t last;

	(void)range;
	(void)is_writable;
	if (file && file != last)
		check_path(with, path);
	last = file;
}

/* As an argument names it: from its folder on, or as a URL of Node's --import. */
static bool check_argument(struct code_owner *of, const char *argument)
{
	static const char *const endings[] = { "", ".js" }; /* which --require lets one leave out */
	char path[FRAME_TEXT_BYTES_MAX + 1];
	ssize_t cwd;

	if (strncmp(argument, "file://", 7) == 0)
		argument += 7;
	if (strncmp(argument, "./", 2) == 0)
		argument += 2;
	cwd = argument[0] == '/' ? 0 : readlinkat(of->folder, "cwd", path, sizeof(path) - 1);
	if (cwd < 0 || (size_t)cwd + 6 + strlen(argument) >= sizeof(path))
		return false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		sprintf(path + cwd, "%s%s%s", cwd ? "/" : "", argument, endings[i]);
		if (check_path(of, path))
			return true;
	}
	return false;
}

/* Of an option that names code to be run besides: what stands behind its `=`, "" where that is the next argument; NULL: it is none. */
static const char *code_named_by(const char *option)
{
	static const char *const names[] = { "-r", "--require", "--import", "--loader", "--experimental-loader" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i]);

		if (strncmp(option, names[i], length) == 0 && (!option[length] || option[length] == '='))
			return option + length + (option[length] == '=');
	}
	return NULL;
}

/*
 * The first argument that is a file, which an interpreter runs, and what the options before it name. One behind an option may be its value.
 */
static void check_arguments(struct code_owner *of, const char *arguments, size_t length)
{
	bool follows_option = false;

	for (size_t at = strlen(arguments) + 1; at < length; at += strlen(arguments + at) + 1) {
		const char *argument = arguments + at, *code;

		if (!*argument)
			continue;
		if (*argument == '-') {
			code = code_named_by(argument);
			if (code && !*code && (at += strlen(argument) + 1) < length)
				code = arguments + at;
			if (code && (*code == '/' || *code == '.' || *code == 'f'))
				check_argument(of, code);
			follows_option = !code;
			continue;
		}
		if (check_argument(of, argument) || !follows_option)
			return;
		follows_option = false;
	}
}

/* --- a debugger's door --- */

static size_t ports_of(const char *arguments, size_t length, unsigned ports[PORTS_MAX])
{
	static const char *const names[] = { "--inspect=", "--inspect-brk=", "--inspect-wait=", "--inspect-port=" };
	size_t count = 1;

	ports[0] = INSPECTOR_PORT;
	for (size_t at = 0; at < length && count < PORTS_MAX; at += strlen(arguments + at) + 1)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && count < PORTS_MAX; i++)
			if (strncmp(arguments + at, names[i], strlen(names[i])) == 0) {
				const char *value = arguments + at + strlen(names[i]), *port = strrchr(value, ':');

				ports[count++] = (unsigned)atoi(port ? port + 1 : value);
			}
	return count;
}

/*
 * What listens in a network namespace: the kernel walks through all sockets of the machine to tell, 10 ms of them. So it is asked once for
 * all that are audited together.
 */
static struct {
	ino_t net_ns;
	size_t count;
	struct { unsigned inode, port; } socket[LISTENERS_MAX];
} listening;

static void read_listening(int folder)
{
	static const char *const tables[] = { "net/tcp", "net/tcp6" };
	struct stat net_ns;
	char *text;

	if (fstatat(folder, "ns/net", &net_ns, 0) || net_ns.st_ino == listening.net_ns)
		return;
	listening.net_ns = net_ns.st_ino;
	listening.count = 0;
	text = malloc(TABLE_BYTES);
	for (int i = 0; text && i < 2; i++) {
		char *line = read_file(folder, tables[i], text, TABLE_BYTES) > 0 ? strchr(text, '\n') : NULL;

		for (; line && listening.count < LISTENERS_MAX; line = strchr(line + 1, '\n')) {
			unsigned port, state, inode;

			if (sscanf(line, " %*u: %*32[0-9A-F]:%x %*32[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %u", &port, &state, &inode) != 3 ||
			    state != LISTENS)
				continue;
			listening.socket[listening.count].inode = inode;
			listening.socket[listening.count++].port = port;
		}
	}
	free(text);
}

/* 0: that is none of these. */
static unsigned door_behind(unsigned inode, const unsigned ports[], size_t count)
{
	for (size_t i = 0; i < listening.count; i++)
		for (size_t j = 0; j < count && listening.socket[i].inode == inode; j++)
			if (listening.socket[i].port == ports[j])
				return ports[j];
	return 0;
}

/* On which of these it listens; 0: on none. */
static unsigned open_door(int folder, const char *arguments, size_t length)
{
	int fd = openat(folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *descriptors = fd < 0 ? NULL : fdopendir(fd);
	unsigned ports[PORTS_MAX], found = 0, inode;
	size_t count = ports_of(arguments, length, ports), looked = 0;
	char link[32];

	for (struct dirent *entry; descriptors && !found && looked++ < DESCRIPTORS_MAX && (entry = readdir(descriptors));) {
		ssize_t bytes = readlinkat(fd, entry->d_name, link, sizeof(link) - 1);

		link[bytes > 0 ? bytes : 0] = 0;
		if (sscanf(link, "socket:[%u]", &inode) != 1)
			continue;
		read_listening(folder);
		found = door_behind(inode, ports, count);
	}
	if (descriptors)
		closedir(descriptors);
	return found;
}

/* --- all of it --- */

/* Of a process that is not dumpable its files in /proc are root's; of one of root's nobody else may look anyway. */
static bool is_dumpable(int folder, uid_t uid)
{
	struct stat found;

	return uid != 0 && fstatat(folder, "environ", &found, 0) == 0 && found.st_uid == uid;
}

static bool is_preloaded_everywhere(void)
{
	struct stat found;

	return stat("/etc/ld.so.preload", &found) == 0 && found.st_size > 0;
}

/* Others are, from here on. */
void audits_begin(void)
{
	listening.net_ns = 0;
}

/* One that is gone is not told of. */
void subject_audit(struct subject *subject)
{
	static struct code_owner owner;
	char arguments[ARGUMENTS_BYTES];
	struct frame_event *event;
	struct life life;
	ssize_t length;

	subject_look(subject, LOOK_AT_ALL);
	owner.folder = life_open(subject->pid, &life);
	owner.path[0] = 0;
	if (owner.folder < 0)
		return;
	if (life.start_ns / START_UNIT_NS == subject->start_ns / START_UNIT_NS) {
		event = draft_begin(FRAME_EXAMINED, SITE_examiner, boot_ns());
		event->unsure |= UNSURE_VARIABLES; /* they lie in its own memory */
		image.length = 0;
		draft_actor(event, owner.folder, &life, &image);
		draft_text(TEXT_EXE, image.path, image.length);
		owner.uid = event->euid;
		length = read_file(owner.folder, "cmdline", arguments, sizeof(arguments));
		length = length > 0 ? length : 0;
		check_path(&owner, image.length ? image.path : "");
		if (length)
			check_arguments(&owner, arguments, (size_t)length);
		each_mapping_of_code(owner.folder, check_mapping, &owner);
		draft_text(TEXT_PATH, owner.path, strlen(owner.path));
		draft_text(TEXT_ARGV, arguments, (size_t)length);
		event->examined = (struct frame_examined){
			.tracer = (__u32)subject->tracer[0],
			.holder = (__u32)subject->holder,
			.environment = environment_of(owner.folder, &(__u8){ 0 }),
			.port = open_door(owner.folder, arguments, (size_t)length),
			.core = subject->core,
			.how = (is_dumpable(owner.folder, event->euid) ? FRAME_EXAMINED_DUMPABLE : 0u) |
			       (is_preloaded_everywhere() ? FRAME_EXAMINED_PRELOADED : 0u),
		};
		examiner_tell();
	}
	close(owner.folder);
	subject->holder = 0;
}
