// A Go program without a signal handler of its own. The Go runtime catches SIGHUP only to exit by it: SigCgt shows the bit, and the
// signal ends the program. Whoever signals by that bit alone kills it.
package main

import (
	"fmt"
	"time"
)

func main() {
	for {
		fmt.Println("alive")
		time.Sleep(10 * time.Second)
	}
}
