/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. Whatever is wrong with it is said, and ends the program here. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

enum { EXIT_USAGE = 2, SOCKET_PATH_MAX = 107 };

static const char usage[] =
	"usage: sensor --socket PATH [options]\n"
	"Watches this machine's kernel and writes what it sees as frames (docs/formats/frame.md) to an agent.\n"
	"  --socket PATH      unix stream socket on which the agent listens\n"
	"  --guard-socket PATH  the same, on which the guard listens: what is urgent is told there, too, and at once\n"
	"  --instance NAME    counters are kept under /sys/fs/bpf/sealwatch-NAME (default: default)\n"
	"  --watch ENTRY      PATH, a file, or a directory with all files directly in it: their opens and changes are told;\n"
	"                     changes:PATH, their changes alone; losses:PATH, that they are removed, renamed or shortened;\n"
	"                     changes,below:PATH and losses,below:PATH, with all directories below it; changes,diff:PATH, with\n"
	"                     the lines that changed in texts that everybody may read; urgent, before any of these, the guard\n"
	"                     is told, too (repeatable)\n"
	"  --watch-file FILE  one such entry a line\n"
	"  --without SITE     leave this site out (repeatable):\n"
	"                     exec exit open openat openat2 creat ptrace process_vm_readv process_vm_writev\n"
	"                     fork task_rename signal_generate credentials proc_connector fanotify module\n"
	"                     bpf perf_event_open sysctl namespaces connect accept bind listen datagram socket\n"
	"                     file_open reach executable proc_poll inotify file_change sock_diag proc_net\n"
	"                     entry_32 open_by_handle_at io_uring refused passed mount policy file_policy examiner\n"
	"  --processes MODE   ebpf, proc_connector or polling (default: the first that works; docs/fallbacks.md)\n"
	"  --files MODE       ebpf, fanotify or polling (the same)\n"
	"  --network MODE     ebpf, sock_diag, polling or none (the same)\n"
	"  --socket-poll-ms N how often sockets are looked at without BPF, 100 to 60000 (default: 1000)\n"
	"  --guard-poll-ms N  how often protected processes are looked at without BPF, 1000 to 5000 (default: 2000)\n"
	"  --compatible       look at every file that is opened, as on kernels before 6.3, which costs each open 0.6 us more\n"
	"  --ring-bytes N     kernel buffer, a power of two, at least 4096 (default: 4194304)\n"
	"  --repeat-seconds N what a process does on the network again within this time is counted, not told (default: 600)\n"
	"  --canary-seconds N how often, on average, it does by itself what its sites must see; 0: never (default: 30)\n"
	"  --own PATH         what lies there is our parts': it is told when a mount makes the path lead elsewhere (repeatable, 16)\n"
	"  --harm-seconds N   what somebody does to the sensor again within this time is not told again (default: 60)\n"
	"  --supervisor PID   who starts our programs: he and what he starts are never denied a file\n"
	"  --uid N --gid N    whom to become once attached (default: 64703, 64702)\n"
	"  --help, --version\n"
	"Exit: 0 asked to stop, 1 failure, 2 wrong arguments, 3 a capability is missing.\n";

static unsigned number(const char *name, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value > INT32_MAX) {
		say("error", "--%s takes a number, not %s", name, text);
		exit(EXIT_USAGE);
	}
	return (unsigned)value;
}

static enum frame_mode mode_of(enum frame_domain domain, const char *name)
{
	for (enum frame_mode mode = 0; mode < MODE_COUNT; mode++)
		if (strcmp(mode_names[mode], name) == 0 && may_watch(domain, mode))
			return mode;
	say("error", "%s not watched by %s: there is no such mode of it (see --help)", domain_names[domain], name);
	exit(EXIT_USAGE);
}

static uint64_t site_bit(const char *name)
{
	for (int site = 0; site < SITE_COUNT; site++)
		if (strcmp(site_names[site], name) == 0)
			return 1ull << site;
	say("error", "--without %s: no such site (see --help)", name);
	exit(EXIT_USAGE);
}

static void add_own_path(struct options *options, const char *path)
{
	if (path[0] != '/' || options->own_path_count == OWN_PATHS_MAX) {
		say("error", "--own %s: it takes an absolute path, and %d of them at most", path, OWN_PATHS_MAX);
		exit(EXIT_USAGE);
	}
	options->own_paths[options->own_path_count++] = path;
}

void read_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "socket", 1, NULL, 's' },	{ "guard-socket", 1, NULL, 'G' },	{ "instance", 1, NULL, 'i' },	{ "watch", 1, NULL, 'w' },
		{ "watch-file", 1, NULL, 'f' }, { "without", 1, NULL, 'x' },	{ "ring-bytes", 1, NULL, 'r' },
		{ "repeat-seconds", 1, NULL, 'n' },
		{ "compatible", 0, NULL, 'c' },	{ "canary-seconds", 1, NULL, 'C' },
		{ "processes", 1, NULL, 'P' },	{ "files", 1, NULL, 'F' },
		{ "network", 1, NULL, 'N' },	{ "socket-poll-ms", 1, NULL, 'p' }, { "guard-poll-ms", 1, NULL, 'E' },
		{ "supervisor", 1, NULL, 'S' },	{ "own", 1, NULL, 'O' },	{ "harm-seconds", 1, NULL, 'H' },
		{ "uid", 1, NULL, 'u' },	{ "gid", 1, NULL, 'g' },	{ "help", 0, NULL, 'h' },
		{ "version", 0, NULL, 'v' },	{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 's': options->socket = optarg; break;
		case 'G': options->guard_socket = optarg; break;
		case 'i': options->instance = optarg; break;
		case 'w': watch_list_add(options, optarg); break;
		case 'f': watch_list_add_file(options, optarg); break;
		case 'x': options->without |= site_bit(optarg); break;
		case 'c': options->compatible = true; break;
		case 'P': options->mode[DOMAIN_PROCESS] = mode_of(DOMAIN_PROCESS, optarg); break;
		case 'F': options->mode[DOMAIN_FILE] = mode_of(DOMAIN_FILE, optarg); break;
		case 'N': options->mode[DOMAIN_NETWORK] = mode_of(DOMAIN_NETWORK, optarg); break;
		case 'r': options->ring_bytes = number("ring-bytes", optarg); break;
		case 'n': options->repeat_seconds = number("repeat-seconds", optarg); break;
		case 'C': options->canary_seconds = number("canary-seconds", optarg); break;
		case 'p': options->socket_poll_ms = number("socket-poll-ms", optarg); break;
		case 'E': options->guard_poll_ms = number("guard-poll-ms", optarg); break;
		case 'O': add_own_path(options, optarg); break;
		case 'H': options->harm_seconds = number("harm-seconds", optarg); break;
		case 'S': options->supervisor = (pid_t)number("supervisor", optarg); break;
		case 'u': options->uid = number("uid", optarg); break;
		case 'g': options->gid = number("gid", optarg); break;
		case 'h': fputs(usage, stdout); exit(0);
		case 'v': puts("sensor " SENSOR_VERSION); exit(0);
		default: fputs(usage, stderr); exit(EXIT_USAGE);
		}
	}
	if (options->ring_bytes < 4096 || options->ring_bytes & (options->ring_bytes - 1)) {
		say("error", "--ring-bytes %u: must be a power of two, at least 4096", options->ring_bytes);
		exit(EXIT_USAGE);
	}
	if (options->socket_poll_ms < 100 || options->socket_poll_ms > 60000) {
		say("error", "--socket-poll-ms %u: must be 100 to 60000", options->socket_poll_ms);
		exit(EXIT_USAGE);
	}
	if (options->guard_poll_ms < 1000 || options->guard_poll_ms > 5000) {
		say("error", "--guard-poll-ms %u: must be 1000 to 5000", options->guard_poll_ms);
		exit(EXIT_USAGE);
	}
	if (options->canary_seconds > 3600) {
		say("error", "--canary-seconds %u: must be at most 3600", options->canary_seconds);
		exit(EXIT_USAGE);
	}
	if (optind < argc || !options->socket || strlen(options->socket) > SOCKET_PATH_MAX ||
	    (options->guard_socket && strlen(options->guard_socket) > SOCKET_PATH_MAX) || strlen(options->instance) > 64 ||
	    strchr(options->instance, '/')) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
}
