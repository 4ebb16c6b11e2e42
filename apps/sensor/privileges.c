/* SPDX-License-Identifier: Apache-2.0 */
/* Once attached, the sensor needs no right but to read its own maps and to connect to the agent; without BPF, two more. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sensor.h"

static const struct {
	const char *name;
	int number;
} known[] = {
	{ "CAP_BPF", CAP_BPF },	      { "CAP_PERFMON", CAP_PERFMON },	  { "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH },
	{ "CAP_SETUID", CAP_SETUID }, { "CAP_SETGID", CAP_SETGID },	  { "CAP_SETPCAP", CAP_SETPCAP },
	{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN }, { "CAP_NET_ADMIN", CAP_NET_ADMIN }, { "CAP_SYS_PTRACE", CAP_SYS_PTRACE },
};
#define BIT(capability) (1ull << (capability))

/* What a mode needs to begin with. */
uint64_t capabilities_of(enum frame_mode mode)
{
	static const uint64_t own[MODE_COUNT] = {
		[MODE_ebpf] = BIT(CAP_BPF) | BIT(CAP_PERFMON),
		[MODE_fanotify] = BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE),
		[MODE_polling] = BIT(CAP_SYS_PTRACE),
		[MODE_sock_diag] = BIT(CAP_SYS_PTRACE),
		[MODE_proc_connector] = BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_PTRACE),
	};

	return own[mode] | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP);
}

/* What it goes on needing: all but BPF looks into /proc for whoever did it. */
uint64_t capabilities_kept(enum frame_mode mode)
{
	return mode == MODE_ebpf || mode == MODE_none ? 0 : BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH);
}

/* Of the process that loads the programs once more, to compare them: it ends with that. */
uint64_t capabilities_to_load(void)
{
	return BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_ADMIN) | BIT(CAP_DAC_READ_SEARCH);
}

static bool get(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &header, data) == 0;
}

/* Gives up all capabilities but these. */
bool keep_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (!get(data))
		return false;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted = data[i].effective = data[i].permitted & (__u32)(kept >> 32 * i);
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) == 0;
}

/* NULL, or the first of these that we do not have. */
const char *missing_capability(uint64_t needed)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (!get(data))
		return "capget";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (needed >> known[i].number & 1 && !(data[known[i].number / 32].effective >> known[i].number % 32 & 1))
			return known[i].name;
	return NULL;
}

bool drop_privileges(uid_t uid, gid_t gid, uint64_t kept)
{
	struct rlimit no_core = { 0, 0 };

	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			return false;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
	       prctl(PR_SET_KEEPCAPS, kept != 0, 0, 0, 0) == 0 && setresgid(gid, gid, gid) == 0 &&
	       setresuid(uid, uid, uid) == 0 && keep_capabilities(kept) && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       setrlimit(RLIMIT_CORE, &no_core) == 0;
}
