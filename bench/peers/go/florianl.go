// A peer: the table through florianl/go-conntrack, which returns all of it.
package main

import ct "github.com/florianl/go-conntrack"

var table []ct.Con

func main() {
	measure(func() (int, error) {
		nfct, err := ct.Open(&ct.Config{})
		if err != nil {
			return 0, err
		}
		defer nfct.Close()
		table, err = nfct.Dump(ct.Conntrack, ct.IPv4)
		return len(table), err
	})
}
