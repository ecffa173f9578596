// A peer: the table through vishvananda/netlink, which returns all of it.
package main

import (
	"syscall"

	"github.com/vishvananda/netlink"
)

var table []*netlink.ConntrackFlow

func main() {
	measure(func() (entries int, err error) {
		table, err = netlink.ConntrackTableList(netlink.ConntrackTable, syscall.AF_INET)
		return len(table), err
	})
}
