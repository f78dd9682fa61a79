/* For sources written for Linux. Its maps are not there. The contexts are laid out
 * as Linux does, for firmware whose hook hands over a packet so: data and data_end
 * are addresses of containers, which fit 32 bits. */
#ifndef FEMTO_LINUX_BPF_H
#define FEMTO_LINUX_BPF_H

#include <linux/types.h>

struct __sk_buff {
    __u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto;
    __u32 priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid;
    __u32 data, data_end;
};
_Static_assert(__builtin_offsetof(struct __sk_buff, data) == 76, "as Linux lays it out");

struct xdp_md {
    __u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

#endif
