/* For sources written for Linux: numbers of protocols (IANA). */
#ifndef FEMTO_LINUX_IN_H
#define FEMTO_LINUX_IN_H

#include <linux/types.h>

enum { IPPROTO_ICMP = 1, IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_ICMPV6 = 58 };

#endif
