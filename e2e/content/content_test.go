package content

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func all(t *testing.T, seed uint64, length int64) []byte {
	t.Helper()
	bytes, err := io.ReadAll(NewReader(seed, length))
	if err != nil || int64(len(bytes)) != length {
		t.Fatalf("%d bytes, %v", len(bytes), err)
	}
	return bytes
}

func TestContentDependsOnTheSeedAlone(t *testing.T) {
	one := all(t, 1, 100_003)
	piecewise, err := io.ReadAll(iotest.OneByteReader(NewReader(1, 100_003)))
	if err != nil || !bytes.Equal(one, piecewise) {
		t.Errorf("read in pieces it is another: %v", err)
	}
	if bytes.Equal(one, all(t, 2, 100_003)) {
		t.Error("two seeds give the same")
	}
}

func TestCheck(t *testing.T) {
	right := all(t, 7, 40_000)
	altered := bytes.Clone(right)
	altered[39_999] ^= 1
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		body io.Reader
		want string
	}{
		{"right", bytes.NewReader(right), ""},
		{"right with its end", iotest.DataErrReader(bytes.NewReader(right)), ""},
		{"short", bytes.NewReader(right[:39_999]), "ended after 39999 of 40000 bytes"},
		{"long", bytes.NewReader(all(t, 7, 40_001)), "more than 40000 bytes"},
		{"altered", iotest.OneByteReader(bytes.NewReader(altered)), "a wrong byte after 39999 of 40000"},
		{"broken off", io.MultiReader(bytes.NewReader(right[:5]), iotest.ErrReader(broken)), "broken"},
	} {
		err := Check(c.body, 7, 40_000)
		if (err == nil && c.want != "") || (err != nil && err.Error() != c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
