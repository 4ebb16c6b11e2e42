/* SPDX-License-Identifier: Apache-2.0 */
/* Which source watches what: BPF where it works, else the next best, which is said (docs/fallbacks.md). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sensor.h"

enum { EXIT_FAILED = 1, EXIT_CAPABILITY = 3 };

const char *const domain_names[DOMAIN_COUNT] = { "processes are", "files are", "the network is" };

/* Best first; and of its BPF programs those without which another source sees more than what is left of them. */
static const struct {
	enum frame_mode modes[4];
	size_t count;
	uint64_t sites; /* of BPF programs */
	uint64_t essential;
} domains[DOMAIN_COUNT] = {
	[DOMAIN_PROCESS] = { { MODE_ebpf, MODE_proc_connector, MODE_polling }, 3, ALL_SITES & ~SOURCE_SITES & ~BESIDE_SITES & ~FILE_SITES & ~NETWORK_SITES,
			     1ull << SITE_exec | 1ull << SITE_exit | 1ull << SITE_fork },
	[DOMAIN_FILE] = { { MODE_ebpf, MODE_fanotify, MODE_polling }, 3, FILE_SITES, 1ull << SITE_openat },
	[DOMAIN_NETWORK] = { { MODE_ebpf, MODE_sock_diag, MODE_polling, MODE_none }, 4, NETWORK_SITES,
			     1ull << SITE_connect | 1ull << SITE_accept | 1ull << SITE_listen },
};

bool may_watch(enum frame_domain domain, enum frame_mode mode)
{
	for (size_t i = 0; i < domains[domain].count; i++)
		if (domains[domain].modes[i] == mode)
			return true;
	return false;
}

static bool has_attached(const struct watching *watching, enum frame_domain domain)
{
	return watching->attached.mode[domain] != MODE_COUNT;
}

static void attached_by(struct watching *watching, enum frame_domain domain, enum frame_mode mode)
{
	watching->attached.mode[domain] = mode;
	watching->kept |= capabilities_kept(mode);
}

/* Whatever watches the rest. Before anything is attached: what this process opens is its own until then, and the other's for ever. */
static void begin_changes(const struct options *options, struct watching *watching)
{
	const __u32 site = SITE_file_change;

	watching->changes = -1;
	if (options->without >> site & 1)
		return;
	watching->changes = changes_start(options, watching->counters, watching->attached.reason[site]);
	if (watching->changes < 0)
		say("warn", "%s is not attached: %s", site_names[site], watching->attached.reason[site]);
}

/* The same. */
static void begin_refusing(const struct options *options, struct watching *watching)
{
	const __u32 site = SITE_file_policy;

	if (options->without >> site & 1)
		return;
	if (wardens_start(options, watching->counters, &watching->source[0], watching->attached.reason[site]))
		watching->sources = 1;
	else
		say("warn", "%s is not attached: %s", site_names[site], watching->attached.reason[site]);
}

/* The same; for the guard alone. */
static void begin_examining(const struct options *options, struct watching *watching)
{
	const __u32 site = SITE_examiner;

	if (options->without >> site & 1 || !options->guard_socket)
		return;
	if (examiner_start(options, watching->counters, &watching->source[watching->sources], watching->attached.reason[site]))
		watching->sources++;
	else
		say("warn", "%s is not attached: %s", site_names[site], watching->attached.reason[site]);
}

/* All that is forked before anything is attached. */
static void begin_beside(const struct options *options, struct watching *watching)
{
	begin_refusing(options, watching);
	begin_examining(options, watching);
	begin_changes(options, watching);
}

/* NULL, or why not. */
static const char *begin_bpf(const struct options *options, uint64_t sites, struct watching *watching)
{
	static char reason[256];
	const char *missing = missing_capability(capabilities_of(MODE_ebpf));
	int counters_fd;

	if (missing) {
		snprintf(reason, sizeof(reason), "%s is missing", missing);
		return reason;
	}
	watching->counters = counters_open(options, &counters_fd);
	if (!watching->counters && errno == EWOULDBLOCK)
		exit(EXIT_FAILED); /* another sensor runs, and has said so */
	if (!watching->counters)
		return "the counters cannot be made";
	begin_beside(options, watching);
	if (attach(options, sites, watching->counters, counters_fd, &watching->attached))
		return NULL;
	snprintf(reason, sizeof(reason), "the BPF programs cannot be loaded: %s", attach_failure());
	watching->counters = NULL;
	close(watching->changes); /* which ends it: another begins with the other counters */
	wardens_stop();
	examiner_stop();
	watching->sources = 0;
	return reason;
}

static enum frame_site site_of(enum frame_domain domain, enum frame_mode mode)
{
	if (domain == DOMAIN_PROCESS)
		return mode == MODE_polling ? SITE_proc_poll : SITE_proc_connector;
	if (domain == DOMAIN_NETWORK)
		return mode == MODE_polling ? SITE_proc_net : SITE_sock_diag;
	return mode == MODE_polling ? SITE_inotify : SITE_fanotify;
}

static bool open_source(const struct options *options, enum frame_site site, struct watching *watching)
{
	struct source *next = &watching->source[watching->sources];

	watching->sources += site == SITE_fanotify || site == SITE_sock_diag ? 2 : 1;
	switch (site) {
	case SITE_proc_connector:
		return proc_connector_open(options, next);
	case SITE_proc_poll:
		return proc_poll_open(next);
	case SITE_fanotify:
		return fanotify_open(options, next, next + 1);
	case SITE_inotify:
		return inotify_open(options, next);
	case SITE_sock_diag:
		return sock_diag_open(options, next, next + 1);
	default:
		return proc_net_open(options, next);
	}
}

/* A mode other than BPF. NULL, or why not. */
static const char *begin_source(const struct options *options, enum frame_domain domain, enum frame_mode mode,
				struct watching *watching)
{
	enum frame_site site = site_of(domain, mode);
	size_t sources = watching->sources;
	const char *missing = missing_capability(capabilities_of(mode));
	char *reason = watching->attached.reason[site];
	size_t room = sizeof(watching->attached.reason[site]);

	if (options->without >> site & 1)
		return NULL; /* blind, as somebody wants it */
	if (missing)
		snprintf(reason, room, "%s is missing", missing);
	else if (open_source(options, site, watching))
		watching->attached.sites |= 1ull << site;
	else {
		snprintf(reason, room, "%s", strerror(errno));
		watching->sources = sources;
	}
	return *reason ? reason : NULL;
}

/* With what to end where nothing could begin. */
static int without_capabilities(void)
{
	const char *missing = missing_capability(capabilities_of(MODE_ebpf));

	if (!missing)
		return EXIT_FAILED;
	say("error", "%s is missing: start the sensor as root, or grant CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH, CAP_SETUID, "
	    "CAP_SETGID and CAP_SETPCAP (and CAP_SYS_ADMIN where bpffs or tracefs must be mounted); without BPF, what "
	    "docs/privileges.md says", missing);
	return EXIT_CAPABILITY;
}

static int begin_domain(const struct options *options, enum frame_domain domain, const char *why, struct watching *watching)
{
	enum frame_mode wanted = options->mode[domain];

	for (size_t i = 0; i < domains[domain].count; i++) {
		enum frame_mode mode = domains[domain].modes[i];
		const char *refused;

		if (mode == MODE_ebpf || (wanted != MODE_COUNT && wanted != mode))
			continue;
		refused = mode == MODE_none ? NULL : begin_source(options, domain, mode, watching);
		if (!refused) {
			attached_by(watching, domain, mode);
			say("warn", "%s watched by %s, which does not see what BPF does (docs/fallbacks.md): %s",
			    domain_names[domain], mode_names[mode], why);
			return 0;
		}
		say("error", "%s not watched by %s: %s", domain_names[domain], mode_names[mode], refused);
	}
	return without_capabilities();
}

/* Whether some mode of the domain other than BPF has the capabilities that it needs. */
static bool may_begin(const struct options *options, enum frame_domain domain)
{
	for (size_t i = 0; i < domains[domain].count; i++) {
		enum frame_mode mode = domains[domain].modes[i];
		bool wanted = options->mode[domain] == MODE_COUNT || options->mode[domain] == mode;

		if (wanted && (mode == MODE_none || (mode != MODE_ebpf && !missing_capability(capabilities_of(mode)))))
			return true;
	}
	return false;
}

static bool may_fall_back(const struct options *options, enum frame_domain domain)
{
	for (size_t i = 0; options->mode[domain] == MODE_COUNT && i < domains[domain].count; i++) {
		enum frame_mode mode = domains[domain].modes[i];

		if (mode != MODE_ebpf && mode != MODE_none && !missing_capability(capabilities_of(mode)))
			return true;
	}
	return false;
}

/* Sites that the domain cannot do without and does not have, if another source may take its place. */
static uint64_t refused_of(const struct options *options, enum frame_domain domain, uint64_t sites)
{
	return may_fall_back(options, domain) ? domains[domain].essential & ~sites & ~options->without : 0;
}

/* Whether with no more sites than these some domain is not watched by BPF. */
bool gives_way(const struct options *options, uint64_t sites)
{
	for (int domain = 0; domain < DOMAIN_COUNT; domain++)
		if (refused_of(options, domain, sites))
			return true;
	return false;
}

/*
 * Where the kernel refuses a program that a domain cannot do without, that domain alone is watched by another source: what else of
 * it is attached gives way, so that nothing is told twice. NULL, or why it is so.
 */
static const char *give_up(const struct options *options, enum frame_domain domain, struct attached *attached)
{
	static char why[DOMAIN_COUNT][FRAME_REASON_BYTES_MAX + 64];
	uint64_t refused = refused_of(options, domain, attached->sites);
	int site = __builtin_ctzll(refused | 1ull << 63);

	if (!refused)
		return NULL;
	snprintf(why[domain], sizeof(why[domain]), "%s is not attached: %s", site_names[site], attached->reason[site]);
	detach_sites(domains[domain].sites);
	attached->sites &= ~domains[domain].sites;
	for (site = 0; site < SITE_COUNT; site++)
		if (domains[domain].sites >> site & 1)
			attached->reason[site][0] = 0;
	return why[domain];
}

static void name_what_is_left_out(const struct options *options, struct attached *attached)
{
	for (int site = 0; site < SITE_COUNT; site++)
		if (options->without >> site & 1)
			snprintf(attached->reason[site], sizeof(attached->reason[site]), "left out by --without");
}

static uint64_t wanted_of_bpf(const struct options *options)
{
	uint64_t sites = 0;

	for (int domain = 0; domain < DOMAIN_COUNT; domain++)
		if (options->mode[domain] == MODE_COUNT || options->mode[domain] == MODE_ebpf)
			sites |= domains[domain].sites;
	return sites;
}

/* 0, or with what to end; the reason has been said. */
int begin_watching(const struct options *options, struct watching *result)
{
	uint64_t sites = wanted_of_bpf(options);
	const char *why = sites ? begin_bpf(options, sites, result) : "as it was asked for";
	const char *reasons[DOMAIN_COUNT];
	bool is_whole = true;
	int failed = 0;

	for (int domain = 0; domain < DOMAIN_COUNT; domain++) {
		bool wanted = !why && sites & domains[domain].sites;
		const char *refused = wanted ? give_up(options, domain, &result->attached) : NULL;
		bool by_bpf = wanted && !refused;

		is_whole &= !refused;
		reasons[domain] = refused ? refused : why ? why : "as it was asked for";
		result->attached.mode[domain] = by_bpf ? MODE_ebpf : MODE_COUNT;
		if (why && options->mode[domain] == MODE_ebpf) {
			say("error", "%s not watched by ebpf: %s", domain_names[domain], why);
			return without_capabilities();
		}
		if (!by_bpf && !may_begin(options, domain)) {
			say("error", "%s not watched: %s", domain_names[domain], reasons[domain]);
			return without_capabilities();
		}
	}
	if (result->counters)
		attach_settle(&result->attached, is_whole);
	else {
		result->counters = counters_open_file(options->instance);
		if (result->counters)
			begin_beside(options, result);
	}
	if (!result->counters || !backlog_open(PIPE_AGENT, options->ring_bytes))
		return EXIT_FAILED;
	for (int domain = 0; domain < DOMAIN_COUNT && !failed; domain++)
		if (!has_attached(result, domain))
			failed = begin_domain(options, domain, reasons[domain], result);
	if (result->changes >= 0)
		result->attached.sites |= 1ull << SITE_file_change;
	if (wardens_are_there())
		result->attached.sites |= 1ull << SITE_file_policy;
	if (examiner_is_there())
		result->attached.sites |= 1ull << SITE_examiner;
	examiner_begin(result->attached.mode[DOMAIN_PROCESS] != MODE_ebpf || result->attached.mode[DOMAIN_FILE] != MODE_ebpf);
	name_what_is_left_out(options, &result->attached);
	return failed;
}
