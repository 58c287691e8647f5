// A Go program without its own signal handler. The Go runtime catches SIGHUP only to exit: SigCgt has the bit, and yet the signal ends the
// program.
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
