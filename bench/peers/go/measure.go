// What the peers in Go share: see measure.ts, which measures the same of this package.
package main

import (
	"fmt"
	"log"
	"os"
	"regexp"
	"strconv"
	"time"
)

// measure prints what a reading took. read returns the entries that it saw, and keeps them.
func measure(read func() (int, error)) {
	// proc(5), clear_refs: 5 sets VmHWM to what is resident now.
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		log.Fatal(err)
	}
	resident := memory("VmRSS")
	start := time.Now()
	entries, err := read()
	if err != nil {
		log.Fatal(err)
	}
	seconds := time.Since(start).Seconds()
	fmt.Printf(`{"seconds": %.9f, "entries": %d, "residentGrowthBytes": %d}`+"\n", seconds, entries,
		memory("VmHWM")-resident)
}

func memory(field string) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		log.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^` + field + `:\s*(\d+) kB$`).FindSubmatch(status)
	if match == nil {
		log.Fatalf("/proc/self/status has no %s", field)
	}
	kilobytes, _ := strconv.Atoi(string(match[1]))
	return kilobytes << 10
}
