/* For sources written for Linux: the head of an Ethernet frame. */
#ifndef FEMTO_LINUX_IF_ETHER_H
#define FEMTO_LINUX_IF_ETHER_H

#include <linux/types.h>

#ifndef ETH_ALEN
#define ETH_ALEN 6
#endif
#ifndef ETH_P_IP
#define ETH_P_IP 0x0800
#endif
#ifndef ETH_P_IPV6
#define ETH_P_IPV6 0x86dd
#endif
#define ETH_HLEN 14

struct ethhdr {
    unsigned char h_dest[6], h_source[6];
    __be16 h_proto;
} __attribute__((packed));

#endif
