/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the kernel that guard all that is protected. Who changed one nobody can tell afterwards. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "examiner.h"

enum { VALUE_BYTES = 256 };

static struct {
	const char *const name;
	bool is_known;
	char value[VALUE_BYTES];
} settings[] = {
	{ .name = "kernel/core_pattern" },	{ .name = "kernel/yama/ptrace_scope" },
	{ .name = "kernel/perf_event_paranoid" }, { .name = "kernel/unprivileged_bpf_disabled" },
	{ .name = "kernel/randomize_va_space" }, { .name = "kernel/kptr_restrict" },
	{ .name = "fs/suid_dumpable" },
};

static void tell_setting(const char *name, const char *before, const char *now)
{
	struct frame_event *event = draft_begin(FRAME_SYSCTL, SITE_examiner, boot_ns());
	char values[2 * VALUE_BYTES];
	size_t length = (size_t)snprintf(values, sizeof(values), "%s", before) + 1;

	length += (size_t)snprintf(values + length, sizeof(values) - length, "%s", now) + 1;
	(void)event;
	draft_text(TEXT_PATH, name, strlen(name));
	draft_text(TEXT_ARGV, values, length);
	examiner_tell();
}

void settings_look(void)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		char path[64], now[VALUE_BYTES] = "";

		snprintf(path, sizeof(path), "/proc/sys/%s", settings[i].name);
		if (read_file(AT_FDCWD, path, now, sizeof(now)) < 0)
			continue; /* this kernel has none */
		if (settings[i].is_known && strcmp(now, settings[i].value))
			tell_setting(settings[i].name, settings[i].value, now);
		memcpy(settings[i].value, now, sizeof(now));
		settings[i].is_known = true;
	}
}
