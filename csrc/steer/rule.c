// SPDX-License-Identifier: BSD-3-Clause

#include "steer/rule.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <string.h>

enum { IP6_FRAGMENT_HEADER = 44 };

static void write_v4(struct rule *r, const struct slb_address *to, enum slb_rule_shape shape) {
	memcpy(&r->spec.v4.hdr.dst_addr, to->bytes, sizeof(r->spec.v4.hdr.dst_addr));
	r->mask.v4.hdr.dst_addr = UINT32_MAX;
	if (shape != SLB_RULE_FRAGMENT)
		return;
	// Any offset from the first on, or more to come: what rte_flow's documentation calls a range.
	r->spec.v4.hdr.fragment_offset = rte_cpu_to_be_16(1u << RTE_IPV4_HDR_FO_SHIFT);
	r->last.v4.hdr.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG);
	r->mask.v4.hdr.fragment_offset =
		rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG);
}

static void write_v6(struct rule *r, const struct slb_address *to, enum slb_rule_shape shape) {
	memcpy(&r->spec.v6.hdr.dst_addr, to->bytes, sizeof(to->bytes));
	memset(&r->mask.v6.hdr.dst_addr, 0xff, sizeof(to->bytes));
	if (shape == SLB_RULE_FRAGMENT)
		r->spec.v6.hdr.proto = IP6_FRAGMENT_HEADER;
}

static void write_items(struct rule *r, bool v6, enum slb_rule_shape shape, bool tagged) {
	struct rte_flow_item *item = r->items;

	(item++)->type = RTE_FLOW_ITEM_TYPE_ETH;
	if (tagged)
		(item++)->type = RTE_FLOW_ITEM_TYPE_VLAN;
	*item++ = (struct rte_flow_item){
		.type = v6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4,
		.spec = &r->spec,
		.last = shape == SLB_RULE_FRAGMENT && !v6 ? &r->last : NULL,
		.mask = &r->mask,
	};
	if (shape == SLB_RULE_TCP)
		(item++)->type = RTE_FLOW_ITEM_TYPE_TCP;
	if (shape == SLB_RULE_UDP)
		(item++)->type = RTE_FLOW_ITEM_TYPE_UDP;
	item->type = RTE_FLOW_ITEM_TYPE_END;
}

void rule_write(
	struct rule *r, const struct slb_address *to, enum slb_rule_shape shape, uint16_t queue,
	bool tagged, bool counted
) {
	struct rte_flow_action *action = r->actions;

	memset(r, 0, sizeof(*r));
	r->attr.ingress = 1;
	r->queue.index = queue;
	if (to->family == 6)
		write_v6(r, to, shape);
	else
		write_v4(r, to, shape);
	write_items(r, to->family == 6, shape, tagged);
	if (counted)
		*action++ = (struct rte_flow_action){RTE_FLOW_ACTION_TYPE_COUNT, &r->count};
	*action++ = (struct rte_flow_action){RTE_FLOW_ACTION_TYPE_QUEUE, &r->queue};
	action->type = RTE_FLOW_ACTION_TYPE_END;
}
