package main

import (
	"fmt"

	"github.com/raywasm/raywasm/host"
)

// taskColors tell the lines of different tasks apart (ECMA-48: cyan, green, yellow, magenta, blue).
var taskColors = []string{"\x1b[36m", "\x1b[32m", "\x1b[33m", "\x1b[35m", "\x1b[34m"}

// taskLine writes a line of a task or an actor as Ray does, after who wrote it: "(square task=ab12) text".
func (s *screen) taskLine(line host.OutputLine) {
	to := s.stdout
	if line.Stderr {
		to = s.stderr
	}
	who := fmt.Sprintf("(%s task=%x)", line.Name, line.Task[:2])
	if to.color {
		who = taskColors[int(line.Task[0])%len(taskColors)] + who + resetColor
	}
	_ = to.writeLine(who + " " + line.Text) // what cannot be shown is not the task's concern
}
