package faults

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Kill runs this test binary once more, with env added to its environment, from which its TestMain sees that it is the
// child. It hands on each line that the child says on stdout, and kills it after n of them, at least 1; what it has said by
// then is handed on, too, but for a line that is cut short. A child that ends by itself fails the test.
func Kill(t testing.TB, n int, line func(text string), env ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // if line has failed the test; after Wait it does nothing
		_ = cmd.Wait()
	}()
	for lines := bufio.NewReader(out); ; {
		text, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		line(strings.TrimSuffix(text, "\n"))
		if n--; n == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || n > 0 {
		t.Fatalf("the child ended by itself: %v", err)
	}
}
