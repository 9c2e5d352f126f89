package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
)

// Verdict compares a behaviour here with Ray's.
type Verdict string

const (
	Same      Verdict = "same"      // a program cannot tell the difference
	Better    Verdict = "better"    // what Ray does and more, or what its users miss
	Different Verdict = "different" // on purpose; the row says why
	Missing   Verdict = "missing"   // not there yet; the row may say what happens instead
)

// Row is one behaviour.
type Row struct {
	Ray   string   `yaml:"ray"`   // what Ray does
	Here  Verdict  `yaml:"here"`  //
	Note  string   `yaml:"note"`  // why, or how: required of what is better or different
	Tests []string `yaml:"tests"` // folder.TestName, or the path of a script
}

// Section is a chapter of the table.
type Section struct {
	Title string `yaml:"section"`
	Rows  []Row  `yaml:"rows"`
}

// Table is the whole of it.
type Table []Section

// read returns the table of a file; every row says all that its verdict asks for.
func read(path string) (Table, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var table Table
	if err := yaml.UnmarshalWithOptions(text, &table, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var wrong []error
	for _, s := range table {
		for _, r := range s.Rows {
			if err := r.check(); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %s: %q %w", path, s.Title, r.Ray, err))
			}
		}
	}
	return table, errors.Join(wrong...)
}

// check reports what a row lacks.
func (r Row) check() error {
	claims := r.Here != Missing
	switch {
	case r.Ray == "":
		return errors.New("does not say what Ray does")
	case r.Here != Same && r.Here != Better && r.Here != Different && r.Here != Missing:
		return fmt.Errorf("has the verdict %q, which is none of same, better, different, missing", r.Here)
	case claims && len(r.Tests) == 0:
		return fmt.Errorf("claims to be %s and names no test that shows it", r.Here)
	case !claims && len(r.Tests) > 0:
		return errors.New("is missing and names a test")
	case r.Note == "" && (r.Here == Better || r.Here == Different):
		return fmt.Errorf("is %s and does not say how or why", r.Here)
	}
	return nil
}
