/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "sensor.h"

uint64_t boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
