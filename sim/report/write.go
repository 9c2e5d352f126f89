package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText prints the report for people.
func (r Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%d tasks in %s, of which %d failed; %d attempts\n", r.Tasks, seconds(r.Seconds), r.Failed, r.Attempts)
	fmt.Fprintf(w, "CPU: %.0f%% used (%s of %s)", 100*r.Utilisation, hours(r.Busy), hours(r.Capacity))
	if r.Wasted > 0 {
		fmt.Fprintf(w, ", %s of it for nothing", hours(r.Wasted))
	}
	fmt.Fprintf(w, "\ncost: %.2f\n\n", r.Cost)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TASKS\tCOUNT\tBEGINS\tWAIT P50\tP95\tMAX")
	for _, c := range r.Classes {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\n", c.Name, c.Count, c.Begins, seconds(c.WaitP50), seconds(c.WaitP95), seconds(c.WaitMost))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(t, "NODES\tCOUNT\tHOURS\tCOST")
	for _, n := range r.Types {
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\n", n.Name, n.Nodes, n.Hours, n.Cost)
	}
	if err := t.Flush(); err != nil || r.Status == nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%v", r.Status)
	return err
}

func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func hours(cpuSeconds float64) string { return fmt.Sprintf("%.2f CPU hours", cpuSeconds/3600) }

// The picture's measures, in pixels.
const (
	width, height = 900, 360
	left, right   = 60, 60
	top, bottom   = 40, 40
)

// WriteSVG draws the time: the CPUs that there were, those of them that were busy, and the tasks that waited.
func (r Report) WriteSVG(w io.Writer) error {
	var cpus, waiting float64 = 1, 1
	for _, p := range r.Timeline {
		cpus, waiting = max(cpus, p.CPUs, p.Busy), max(waiting, p.Waiting)
	}
	x := func(i int) float64 { return left + float64(i)*(width-left-right)/points }
	y := func(v, most float64) float64 { return height - bottom - v/most*(height-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>%d tasks in %s on %.0f%% of the CPUs</title>\n", r.Tasks, seconds(r.Seconds), 100*r.Utilisation)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	area := func(colour string, of func(Point) float64) {
		fmt.Fprintf(&b, `<path fill="%s" d="M%d %d`, colour, left, height-bottom)
		for i, p := range r.Timeline {
			fmt.Fprintf(&b, " L%.1f %.1f L%.1f %.1f", x(i), y(of(p), cpus), x(i+1), y(of(p), cpus))
		}
		fmt.Fprintf(&b, ` L%d %d Z"/>`+"\n", width-right, height-bottom)
	}
	area("#cfe0f3", func(p Point) float64 { return p.CPUs })
	area("#3b76af", func(p Point) float64 { return p.Busy })
	fmt.Fprint(&b, `<polyline fill="none" stroke="#c44e34" stroke-width="1.5" points="`)
	for i, p := range r.Timeline {
		fmt.Fprintf(&b, "%.1f,%.1f ", (x(i)+x(i+1))/2, y(p.Waiting, waiting))
	}
	fmt.Fprintln(&b, `"/>`)
	for i := range 5 {
		at := float64(i) / 4
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n", left-6, y(at*cpus, cpus)+4, at*cpus)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" fill="#c44e34">%.4g</text>`+"\n", width-right+6, y(at*waiting, waiting)+4, at*waiting)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(i*points/4), height-bottom+18, seconds(at*r.Seconds))
	}
	for i, key := range []struct{ colour, text string }{{"#cfe0f3", "CPUs"}, {"#3b76af", "busy CPUs"}, {"#c44e34", "waiting tasks (right)"}} {
		fmt.Fprintf(&b, `<rect x="%d" y="14" width="12" height="12" fill="%s"/><text x="%d" y="24">%s</text>`+"\n", left+i*150, key.colour, left+i*150+18, key.text)
	}
	fmt.Fprintln(&b, "</svg>")
	_, err := io.WriteString(w, b.String())
	return err
}
