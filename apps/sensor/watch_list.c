/* SPDX-License-Identifier: Apache-2.0 */
/* The watch list: what an entry says (docs/formats/frame.md, 6). What is wrong with one is said, and ends the program here. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sensor.h"

enum { EXIT_USAGE = 2 };

static const struct { const char *name; uint32_t word; } known_words[] = {
	{ "changes", ENTRY_CHANGES }, { "losses", ENTRY_LOSSES }, { "below", ENTRY_BELOW }, { "diff", ENTRY_DIFF },
	{ "urgent", ENTRY_URGENT },
};

static void refuse(const char *text, const char *why)
{
	say("error", "cannot watch %s: %s", text, why);
	exit(EXIT_USAGE);
}

/* What is told of it is one thing, and lines of what changes alone. */
static bool is_one(uint32_t words)
{
	words &= ~(uint32_t)ENTRY_URGENT;
	return !words || (words & (ENTRY_CHANGES | ENTRY_LOSSES)) == ENTRY_CHANGES ||
	       (words & (ENTRY_CHANGES | ENTRY_LOSSES | ENTRY_DIFF)) == ENTRY_LOSSES;
}

/* Sets the words before the path; returns the path, or NULL. */
static const char *read_words(const char *text, uint32_t *result)
{
	*result = 0;
	while (*text != '/' && *text != '~') {
		size_t length = strcspn(text, ",:"), i = 0;

		while (i < sizeof(known_words) / sizeof(known_words[0]) &&
		       (strlen(known_words[i].name) != length || memcmp(known_words[i].name, text, length)))
			i++;
		if (i == sizeof(known_words) / sizeof(known_words[0]) || *result & known_words[i].word || !text[length])
			return NULL;
		*result |= known_words[i].word;
		text += length + 1;
		if (text[-1] == ':')
			return is_one(*result) ? text : NULL;
	}
	return *result ? NULL : text;
}

/* What tells more, and more of us, stands first, so that of two entries for one file that one counts. */
static int rank(uint32_t words)
{
	int of_changes = words & ENTRY_LOSSES ? 2 : words & ENTRY_CHANGES ? 1 : 0;

	return 2 * of_changes + !(words & ENTRY_URGENT);
}

static void add_path(struct options *options, const char *path, uint32_t words, const char *text)
{
	size_t at = options->watch_count;

	if (path[0] != '/' || strlen(path) >= PATH_BYTES)
		refuse(text, "a path must be absolute, and shorter than 4096 bytes");
	if (at == WATCHED_NAMES_MAX)
		refuse(text, "there are 4096 entries already");
	while (at > 0 && rank(options->watch[at - 1].words) > rank(words))
		at--;
	memmove(options->watch + at + 1, options->watch + at, (options->watch_count - at) * sizeof(options->watch[0]));
	options->watch[at] = (struct watch_entry){ path, words };
	options->watch_count++;
	options->read_count += !(words & (ENTRY_LOSSES | ENTRY_CHANGES));
}

static bool has_path(const struct options *options, const char *path, uint32_t words)
{
	size_t i = 0;

	while (i < options->watch_count && (options->watch[i].words != words || strcmp(options->watch[i].path, path)))
		i++;
	return i < options->watch_count;
}

static bool may_log_in(const struct passwd *account)
{
	const char *name = strrchr(account->pw_shell, '/');

	return account->pw_shell[0] == 0 || (name && strcmp(name, "/nologin") && strcmp(name, "/false") && strcmp(name, "/sync"));
}

/* ~/NAME is that of each account of this machine that can log in and has a home. */
static void add_homes(struct options *options, const char *rest, uint32_t words, const char *text)
{
	FILE *accounts = fopen("/etc/passwd", "re");
	const struct passwd *account;
	struct stat home;
	size_t count = 0;

	while (accounts && (account = fgetpwent(accounts))) {
		char path[PATH_BYTES + NAME_BYTES];
		size_t length = strlen(account->pw_dir);

		if (!may_log_in(account) || account->pw_dir[0] != '/' || stat(account->pw_dir, &home) || !S_ISDIR(home.st_mode))
			continue;
		while (length > 0 && account->pw_dir[length - 1] == '/')
			length--;
		snprintf(path, sizeof(path), "%.*s%s", (int)length, account->pw_dir, rest);
		if (has_path(options, path, words))
			continue;
		if (count++ == HOMES_MAX) {
			say("warn", "%s is watched in %d homes, and not in %s, nor in those after it", text, HOMES_MAX, account->pw_dir);
			break;
		}
		add_path(options, strdup(path), words, text);
	}
	if (accounts)
		fclose(accounts);
}

void watch_list_add(struct options *options, const char *text)
{
	uint32_t words;
	const char *path = read_words(text, &words);

	if (!path)
		refuse(text, "before the path stands nothing, or changes: or losses:, either with ,below, changes with ,diff, and any of these with urgent,");
	if (path[0] == '~' && path[1] != '/')
		refuse(text, "~/ stands for the home of each account");
	if (path[0] == '~')
		add_homes(options, path + 1, words, text);
	else
		add_path(options, path, words, text);
}

void watch_list_add_file(struct options *options, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	if (!file) {
		say("error", "cannot read the watch file %s: %s", path, strerror(errno));
		exit(EXIT_USAGE);
	}
	while ((length = getline(&line, &room, file)) > 0) {
		if (line[length - 1] == '\n')
			line[--length] = 0;
		if (length)
			watch_list_add(options, strdup(line));
	}
	free(line);
	fclose(file);
}

/* Call before any of them is looked at. */
void watch_list_leave_hanging(struct options *options)
{
	static bool wanted[WATCHED_NAMES_MAX], hangs[WATCHED_NAMES_MAX];

	memset(wanted, true, sizeof(wanted));
	find_hanging(options->watch, options->watch_count, wanted, hangs);
	for (size_t i = 0; i < options->watch_count; i++)
		if (hangs[i]) {
			options->watch[i].words |= ENTRY_HANGS;
			say("error", "%s is not watched: its file system does not answer", options->watch[i].path);
		}
}
