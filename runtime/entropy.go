package wasmrt

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// A guest that was initialised before its image was taken has random generators whose state is in the image: every
// sandbox would draw the same numbers. Go's are ChaCha8 states (internal/chacha8rand), seeded from the entropy that the
// guest was served or from one another. They are found in the image, and every new sandbox gets new seeds there.
// A generator that a program seeded itself, with something else, is left alone: it is meant to repeat.

// The layout of internal/chacha8rand.State, in bytes, little-endian: 32 words of buffer, the seed, and then as u32 the
// index of the next word, the number of good words and the block counter.
const (
	chachaSeed    = 256
	chachaIndex   = chachaSeed + 32
	chachaGood    = chachaIndex + 4
	chachaCounter = chachaGood + 4
	chachaBytes   = chachaCounter + 4
)

const (
	// maxReseedsApart is how many times a generator found may have reseeded itself since it was seeded.
	maxReseedsApart = 32
	// seedWords is how many words of a parent's output are considered as the beginning of a child's seed. Go's runtime
	// seeds its per-thread generator with the words 4 to 7 or so.
	seedWords = 64
)

// reseed is the offset of a generator's state in memory.
type reseed uint32

// findReseeds returns the generators in memory that descend from the served entropy.
func findReseeds(memory, served []byte) (found []reseed) {
	if len(served) < 32 {
		return nil
	}
	seeds := descend(served)
	for off := 0; off+chachaBytes <= len(memory); off += 8 {
		s := memory[off : off+chachaBytes]
		index := binary.LittleEndian.Uint32(s[chachaIndex:])
		good := binary.LittleEndian.Uint32(s[chachaGood:])
		counter := binary.LittleEndian.Uint32(s[chachaCounter:])
		if good != 32 && good != 28 || index > good || counter > 12 || counter%4 != 0 {
			continue
		}
		if seed := [32]byte(s[chachaSeed:]); seeds[seed] && bufferOf(seed, counter, s[:8*good]) {
			found = append(found, reseed(off))
		}
	}
	return found
}

// descend returns the seeds that generators seeded with served entropy have, or have had, or have given to others.
func descend(served []byte) map[[32]byte]bool {
	seeds := make(map[[32]byte]bool)
	for off := 0; off+32 <= len(served); off += 8 {
		root := [32]byte(served[off:])
		follow(root, seeds)
		parent := rand.NewChaCha8(root)
		var out [8 * seedWords]byte
		for k := 0; k < len(out); k += 8 {
			binary.LittleEndian.PutUint64(out[k:], parent.Uint64())
		}
		for k := 0; k+32 <= len(out); k += 8 {
			follow([32]byte(out[k:]), seeds)
		}
	}
	return seeds
}

// follow adds a seed and those that its generator gives itself.
func follow(seed [32]byte, seeds map[[32]byte]bool) {
	const wordsPerSeed = 124
	g := rand.NewChaCha8(seed)
	for range maxReseedsApart {
		seeds[seed] = true
		for range wordsPerSeed {
			g.Uint64()
		}
		g.Uint64() // makes it reseed
		state, err := g.MarshalBinary()
		if err != nil || len(state) < 48 {
			return
		}
		seed = [32]byte(state[16:])
		g = rand.NewChaCha8(seed)
	}
}

// bufferOf reports whether buf is the block that the seed gives at that counter.
func bufferOf(seed [32]byte, counter uint32, buf []byte) bool {
	g := rand.NewChaCha8(seed)
	for range counter / 4 * 32 {
		g.Uint64()
	}
	var word [8]byte
	for len(buf) > 0 {
		binary.LittleEndian.PutUint64(word[:], g.Uint64())
		if !bytes.Equal(word[:], buf[:8]) {
			return false
		}
		buf = buf[8:]
	}
	return true
}

// freshEntropy gives the guest's generators seeds that no sandbox had before.
func (i *instance) freshEntropy() { i.reseed(i.entropy) }

// reseed gives the guest's generators seeds from a stream, which may be nil if it has none.
func (i *instance) reseed(from *rand.ChaCha8) {
	img := i.module.image
	if len(img.reseeds) == 0 {
		return
	}
	memory := i.engine.Memory()
	for _, off := range img.reseeds {
		state := memory[off : off+chachaBytes]
		from.Read(state[chachaSeed:chachaIndex]) // never fails
		clear(state[chachaIndex:])
	}
}
