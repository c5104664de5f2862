// SPDX-License-Identifier: MIT
// A Go target: goroutines that sum, pass on and throw away, under a collector
// that hardly rests.  Says what subject.h says.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const workers = 6

type node struct {
	left, right *node
	value       uint64
}

// tree returns a binary tree whose values sum to nodes * value.
func tree(depth int, value uint64) *node {
	if depth == 0 {
		return &node{value: value}
	}
	return &node{tree(depth-1, value), tree(depth-1, value), value}
}

func (n *node) sum() uint64 {
	if n == nil {
		return 0
	}
	return n.left.sum() + n.right.sum() + n.value
}

func wrong(format string, arguments ...interface{}) {
	fmt.Printf("wrong "+format+"\n", arguments...)
}

func sumTrees(round uint64) {
	const depth = 10
	if sum := tree(depth, round).sum(); sum != round*(1<<(depth+1)-1) {
		wrong("a tree sums to %d", sum)
	}
}

func hashMaps(round uint64) {
	numbers := make(map[uint64]string)
	for i := uint64(0); i < 200; i++ {
		numbers[round+i] = fmt.Sprint(round + i)
	}
	for number, text := range numbers {
		if text != fmt.Sprint(number) {
			wrong("%d is %s in the map", number, text)
		}
	}
}

var input = make([]byte, 4096)
var digest = sha256.Sum256(input)

func hash(uint64) {
	if sha256.Sum256(append([]byte{}, input...)) != digest {
		wrong("the hash is another")
	}
}

func passOn(round uint64) {
	numbers, sums := make(chan uint64), make(chan uint64)
	go func() {
		sum := uint64(0)
		for number := range numbers {
			sum += number
		}
		sums <- sum
	}()
	for i := uint64(0); i < 100; i++ {
		numbers <- round + i
	}
	close(numbers)
	if sum := <-sums; sum != 100*round+4950 {
		wrong("the numbers passed on sum to %d", sum)
	}
}

func sleep(uint64) {
	start := time.Now()
	time.Sleep(3 * time.Millisecond)
	if time.Since(start) < 3*time.Millisecond {
		wrong("the sleep was short")
	}
}

func pipe(reader, writer *os.File) func(uint64) {
	return func(round uint64) {
		text := fmt.Sprintf("%016x", round)
		go writer.WriteString(text)
		buffer := make([]byte, len(text))
		if _, err := io.ReadFull(reader, buffer); err != nil || string(buffer) != text {
			wrong("%v: %s came instead of %s", err, buffer, text)
		}
	}
}

func main() {
	debug.SetGCPercent(5)
	runtime.GOMAXPROCS(4)
	reader, writer, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	var rounds [workers]uint64
	for i, once := range [workers]func(uint64){sumTrees, hashMaps, hash, passOn, sleep, pipe(reader, writer)} {
		go func(i int, once func(uint64)) {
			for {
				once(atomic.LoadUint64(&rounds[i]) + 1)
				atomic.AddUint64(&rounds[i], 1)
			}
		}(i, once)
	}
	go func() {
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	fmt.Println("ready", os.Getpid())
	for {
		var seen [workers]uint64
		for i := range seen {
			seen[i] = atomic.LoadUint64(&rounds[i])
		}
		for i := range seen {
			for atomic.LoadUint64(&rounds[i]) < seen[i]+2 {
				time.Sleep(time.Millisecond)
			}
		}
		fmt.Println("beat")
	}
}
