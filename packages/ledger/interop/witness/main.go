// SPDX-License-Identifier: Apache-2.0

// Verifies a checkpoint and its cosignature by a witness with nothing of Sealwatch's: the Go project's own sumdb/note,
// and a verifier of C2SP tlog-cosignature (docs/formats/witness.md, 8).
//
//	witness CHECKPOINT LOG_VKEY WITNESS_VKEY
//
// The first thing that is wrong is printed, and the exit code is 1.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: witness CHECKPOINT LOG_VKEY WITNESS_VKEY")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verify(path, logKey, witnessKey string) error {
	signed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	witness, err := newCosigner(witnessKey)
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(log, witness))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != 2 {
		return fmt.Errorf("%d of two signatures", len(opened.Sigs))
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != log.Name() {
		return fmt.Errorf("a checkpoint of another form: %q", opened.Text)
	}
	fmt.Printf("%s: size %s, root %s, cosigned by %s at %s\n", lines[0], lines[1], lines[2], witness.Name(),
		time.Unix(witness.seconds, 0).UTC().Format(time.RFC3339))
	return nil
}

// cosigner is a note.Verifier for signatures of type 0x04.
type cosigner struct {
	name    string
	hash    uint32
	key     ed25519.PublicKey
	seconds int64
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("a vkey of another form")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 0x04 {
		return nil, errors.New("a key that is none of a witness")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		return nil, errors.New("a key id of another key")
	}
	return &cosigner{name: parts[0], hash: binary.BigEndian.Uint32(sum[:]), key: key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }
func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	c.seconds = int64(binary.BigEndian.Uint64(signature))
	message := bytes.Join([][]byte{[]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", c.seconds)), text}, nil)
	return ed25519.Verify(c.key, message, signature[8:])
}
