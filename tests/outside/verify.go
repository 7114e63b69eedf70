// Checks a ledger with the code of Go's checksum database, none of which is ours: that the
// checkpoint is signed, that the bodies on standard input (one a line) have its root, and that the
// receipt proves its entry under its own checkpoint.
//
// usage: verify VKEY CHECKPOINT RECEIPT < BODIES
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func read(path string) string {
	bytes, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return string(bytes)
}

func hash(text string) tlog.Hash {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(bytes) != tlog.HashSize {
		log.Fatalf("not a hash: %q", text)
	}
	var h tlog.Hash
	copy(h[:], bytes)
	return h
}

// open checks a note and returns the size and root in it.
func open(text string, verifier note.Verifier) (int64, tlog.Hash) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		log.Fatalf("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return size, hash(lines[2])
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: verify VKEY CHECKPOINT RECEIPT < BODIES")
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(read(os.Args[1])))
	if err != nil {
		log.Fatal(err)
	}
	size, root := open(read(os.Args[2]), verifier)

	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	bodies := bufio.NewScanner(os.Stdin)
	bodies.Buffer(nil, 1<<20)
	n := int64(0)
	for n < size && bodies.Scan() {
		hashes, err := tlog.StoredHashes(n, bodies.Bytes(), reader)
		if err != nil {
			log.Fatal(err)
		}
		stored = append(stored, hashes...)
		n++
	}
	computed, err := tlog.TreeHash(n, reader)
	if err != nil || n != size || computed != root {
		log.Fatalf("the %d bodies do not have the root of the checkpoint of size %d", n, size)
	}
	fmt.Printf("checkpoint: signed, and %d bodies have its root\n", n)

	proof, checkpoint, found := strings.Cut(read(os.Args[3]), "\n\n")
	lines := strings.Split(proof, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		log.Fatal("not a receipt")
	}
	body, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		log.Fatal(err)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		path = append(path, hash(line))
	}
	size, root = open(checkpoint, verifier)
	if err := tlog.CheckRecord(path, size, root, index, tlog.RecordHash(body)); err != nil {
		log.Fatalf("receipt: %v", err)
	}
	fmt.Printf("receipt: entry %d is under the checkpoint of size %d\n", index, size)
}
