// A peer: the table through ti-mo/conntrack, which returns all of it.
package main

import "github.com/ti-mo/conntrack"

var table []conntrack.Flow

func main() {
	measure(func() (int, error) {
		conn, err := conntrack.Dial(nil)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		table, err = conn.Dump(nil)
		return len(table), err
	})
}
