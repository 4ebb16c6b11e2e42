// SPDX-License-Identifier: Apache-2.0

import type { Step } from '@sealwatch/ledger/verify'
import { formatVkey, noteVerifier } from '@sealwatch/ledger/verify'
import type { DrawnCheckpoint } from './header.ts'
import type { Proof } from './proof.ts'
import { certificateOf, commented } from './script.ts'
import { sha256 } from './sha256.ts'

/** The same proof for the Go project's own transparency log packages, as scriptOf is for openssl. */
export function goProgramOf(proof: Proof, bundleName: string, keys: readonly string[]): string {
  const { tenant, root, rootLeaf, delegation, leaf, fileLine } = proof
  const vkeysOf = ({ origin }: DrawnCheckpoint) =>
    delegation === undefined ? keys : [formatVkey(noteVerifier(sha256, origin, Uint8Array.fromHex(delegation.nodeKey)))]
  const certificate = delegation && certificateOf(delegation, keys)
  const certified =
    delegation === undefined || certificate === undefined
      ? ''
      : `
	// A log key certifies the node key, in a line of the root ledger: from ${commented(delegation.validFrom)} until ${commented(delegation.validUntil)}.
	message := unhex(${text(certificate.message)})
	must(strings.Contains(string(message), ${text(`"key":"${delegation.nodeKey}"`)}), "the node key is certified")
${certificate.signatures
  .map(
    ({ key, signature }) =>
      `	must(ed25519.Verify(unhex(${text(key.publicKey.toHex())}), message, unhex(${text(signature)})), ${text(`by ${formatVkey(key)}`)})\n`,
  )
  .join('')}	certifying := ${text(delegation.line)}
	must(strings.Contains(certifying, ${text(delegation.envelope.payload)}), "the root ledger holds that")
	prove(certifying, ${delegation.index}, rootTree, ${siblings(delegation.steps)})
`
  return `// Proof of leaf ${leaf} of ${commented(tenant.origin)}, from line ${fileLine} of the bundle up to the keys, by the Go project's packages:
//
//	go mod init check && go get golang.org/x/mod@v0.20.0 && go run check.go
package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	file := ${text(bundleName)}
	if len(os.Args) > 1 {
		file = os.Args[1]
	}
	tenantTree := open(${text(tenant.note)}, ${vkeysOf(tenant).map(text).join(', ')})
	rootTree := open(${text(root.note)}, ${vkeysOf(root).map(text).join(', ')})
	prove(readLine(file, ${fileLine}), ${leaf}, tenantTree, ${siblings(proof.steps)})
	head := ${text(rootLeaf.line)}
	must(strings.Contains(head, fmt.Sprintf("\\"root\\":\\"%x\\"", tenantTree.Hash[:])), "the root ledger names the tenant's root")
	prove(head, ${rootLeaf.index}, rootTree, ${siblings(rootLeaf.steps)})
${certified}	fmt.Println("leaf ${leaf} is proven")
}

// open checks the signature on a checkpoint and returns its tree.
func open(signed string, vkeys ...string) tlog.Tree {
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		check(err)
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	check(err)
	lines := strings.Split(opened.Text, "\\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	fmt.Printf("signed: %s, size %d\\n", lines[0], size)
	return tlog.Tree{N: size, Hash: hash}
}

// prove holds a line against the root of its tree (RFC 9162, 2.1.3).
func prove(line string, index int64, tree tlog.Tree, siblings ...string) {
	proof := tlog.RecordProof{}
	for _, sibling := range siblings {
		var hash tlog.Hash
		copy(hash[:], unhex(sibling))
		proof = append(proof, hash)
	}
	check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash([]byte(line))))
	fmt.Printf("ok: line %d of a tree of %d\\n", index, tree.N)
}

func readLine(path string, number int) string {
	file, err := os.Open(path)
	check(err)
	reader := bufio.NewReader(file)
	for ; ; number-- {
		line, err := reader.ReadString('\\n')
		check(err)
		if number == 1 {
			return strings.TrimSuffix(line, "\\n")
		}
	}
}

func unhex(text string) []byte {
	bytes, err := hex.DecodeString(text)
	check(err)
	return bytes
}

func must(holds bool, what string) {
	if !holds {
		check(fmt.Errorf("WRONG: %s", what))
	}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
`
}

/** A Go string: JSON's escapes are Go's too. */
const text = (value: string) => JSON.stringify(value)
const siblings = (steps: readonly Step[]) => `[]string{${steps.map(({ sibling }) => text(sibling)).join(', ')}}...`
