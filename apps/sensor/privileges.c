/* SPDX-License-Identifier: Apache-2.0 */
/* Once attached, the sensor needs no right but to read its own maps and to connect to the agent. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sensor.h"

/* NULL, or the first capability that the start needs and we do not have. */
const char *missing_capability(void)
{
	static const struct {
		const char *name;
		int number;
	} needed[] = {
		{ "CAP_BPF", CAP_BPF },	      { "CAP_PERFMON", CAP_PERFMON }, { "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH },
		{ "CAP_SETUID", CAP_SETUID }, { "CAP_SETGID", CAP_SETGID },   { "CAP_SETPCAP", CAP_SETPCAP },
	};
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return "capget";
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(data[needed[i].number / 32].effective >> needed[i].number % 32 & 1))
			return needed[i].name;
	return NULL;
}

bool drop_privileges(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
	struct rlimit no_core = { 0, 0 };

	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			return false;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
	       setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 && syscall(SYS_capset, &header, none) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       setrlimit(RLIMIT_CORE, &no_core) == 0;
}
