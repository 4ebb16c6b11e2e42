// SPDX-License-Identifier: Apache-2.0

// Verifies a ledger that Sealwatch wrote as tiles, with nothing of Sealwatch's: only the Go project's own transparency
// log packages (docs/formats/tiles.md, 4).
//
//	interop DIR VKEY
//
// DIR holds checkpoint and tile/…, and proofs.json where there are proofs to judge. The first thing that is wrong is printed, and the exit code is 1.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8
const tileWidth = 1 << tileHeight

type proofs struct {
	Inclusion []struct {
		Index int64
		Size  int64
		Proof []string
	}
	Consistency []struct {
		OldSize int64
		NewSize int64
		Proof   []string
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: interop DIR VKEY")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verify(dir, vkey string) error {
	origin, tree, err := openCheckpoint(dir, vkey)
	if err != nil {
		return err
	}
	entries, err := readEntries(dir, tree.N)
	if err != nil {
		return err
	}
	byEntries, err := hashesOf(entries)
	if err != nil {
		return err
	}
	root, err := tlog.TreeHash(tree.N, byEntries)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the entries lead to %v, the checkpoint says %v", root, tree.Hash)
	}
	if err := checkTiles(dir, tree, byEntries); err != nil {
		return err
	}
	checked, err := checkProofs(dir, byEntries)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d entries, root %v, %d proofs\n", origin, tree.N, root, checked)
	return nil
}

// openCheckpoint checks the signature and reads origin, size and root (C2SP tlog-checkpoint).
func openCheckpoint(dir, vkey string) (string, tlog.Tree, error) {
	var tree tlog.Tree
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return "", tree, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return "", tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return "", tree, fmt.Errorf("a checkpoint of another form: %q", opened.Text)
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return lines[0], tree, err
}

// tilePath is the name of a tile of C2SP tlog-tiles. The Go project's own names have the height in them.
func tilePath(level string, index int64, width int) string {
	name := fmt.Sprintf("%03d", index%1000)
	for index /= 1000; index > 0; index /= 1000 {
		name = fmt.Sprintf("x%03d/%s", index%1000, name)
	}
	if width < tileWidth {
		name += fmt.Sprintf(".p/%d", width)
	}
	return filepath.Join("tile", level, name)
}

func readEntries(dir string, size int64) ([][]byte, error) {
	var entries [][]byte
	for index := int64(0); index*tileWidth < size; index++ {
		width := size - index*tileWidth
		if width > tileWidth {
			width = tileWidth
		}
		bundle, err := os.ReadFile(filepath.Join(dir, tilePath("entries", index, int(width))))
		if err != nil {
			return nil, err
		}
		for i := int64(0); i < width; i++ {
			if len(bundle) < 2 {
				return nil, fmt.Errorf("entry bundle %d ends too early", index)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			if len(bundle) < 2+length {
				return nil, fmt.Errorf("entry bundle %d ends too early", index)
			}
			entries = append(entries, bundle[2:2+length])
			bundle = bundle[2+length:]
		}
		if len(bundle) > 0 {
			return nil, fmt.Errorf("entry bundle %d goes on after its last entry", index)
		}
	}
	return entries, nil
}

func hashesOf(entries [][]byte) (tlog.HashReaderFunc, error) {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, errors.New("a hash beyond the tree")
			}
			hashes = append(hashes, stored[index])
		}
		return hashes, nil
	})
	for i, entry := range entries {
		more, err := tlog.StoredHashes(int64(i), entry, read)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	return read, nil
}

// tiles reads hash tiles from files; tlog.TileHashReader checks each against the tree's root.
type tiles struct{ dir string }

func (tiles) Height() int                         { return tileHeight }
func (tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.dir, tilePath(strconv.Itoa(tile.L), tile.N, tile.W)))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

// checkTiles reads every stored hash through the tiles and compares it with the one the entries lead to.
func checkTiles(dir string, tree tlog.Tree, byEntries tlog.HashReader) error {
	byTiles := tlog.TileHashReader(tree, tiles{dir})
	for first := int64(0); first < tree.N; first += tileWidth {
		var indexes []int64
		for n := first; n < tree.N && n < first+tileWidth; n++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, n))
		}
		have, err := byTiles.ReadHashes(indexes)
		if err != nil {
			return err
		}
		due, err := byEntries.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i := range have {
			if have[i] != due[i] {
				return fmt.Errorf("the tiles hold another hash for entry %d", first+int64(i))
			}
		}
	}
	root, err := tlog.TreeHash(tree.N, byTiles)
	if err == nil && root != tree.Hash {
		err = fmt.Errorf("the tiles lead to %v", root)
	}
	return err
}

// checkProofs judges proofs that Sealwatch made, for trees whose roots are computed here from the entries.
func checkProofs(dir string, byEntries tlog.HashReader) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "proofs.json"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var given proofs
	if err := json.Unmarshal(text, &given); err != nil {
		return 0, err
	}
	for _, p := range given.Inclusion {
		proof, err := hashList(p.Proof)
		if err != nil {
			return 0, err
		}
		root, err := tlog.TreeHash(p.Size, byEntries)
		if err != nil {
			return 0, err
		}
		leaf, err := byEntries.ReadHashes([]int64{tlog.StoredHashIndex(0, p.Index)})
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckRecord(proof, p.Size, root, p.Index, leaf[0]); err != nil {
			return 0, fmt.Errorf("entry %d in a tree of %d: %w", p.Index, p.Size, err)
		}
	}
	for _, p := range given.Consistency {
		proof, err := hashList(p.Proof)
		if err != nil {
			return 0, err
		}
		oldRoot, err := tlog.TreeHash(p.OldSize, byEntries)
		if err != nil {
			return 0, err
		}
		newRoot, err := tlog.TreeHash(p.NewSize, byEntries)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, p.NewSize, newRoot, p.OldSize, oldRoot); err != nil {
			return 0, fmt.Errorf("a tree of %d extends one of %d: %w", p.NewSize, p.OldSize, err)
		}
	}
	return len(given.Inclusion) + len(given.Consistency), nil
}

func hashList(texts []string) ([]tlog.Hash, error) {
	hashes := []tlog.Hash{}
	for _, text := range texts {
		bytes, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(bytes) != tlog.HashSize {
			return nil, fmt.Errorf("%q is no hash", text)
		}
		var hash tlog.Hash
		copy(hash[:], bytes)
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
