package main

import (
	"testing"

	"github.com/raywasm/raywasm/spec"
)

func TestValuesOfFlags(t *testing.T) {
	t.Setenv("RAYWASM_TEST_SET", "here")
	memory, resources, env := new(size), make(amounts), make(variables)
	for _, c := range []struct {
		value interface {
			Set(string) error
			String() string
			Type() string
		}
		text, want string // want is what the value prints then; "" for an error
	}{
		{memory, "1536", "1.5 KiB"},
		{memory, "2G", "2 GiB"},
		{memory, "0", ""},
		{memory, "-1", ""},
		{memory, "lots", ""},
		{resources, "x86=4", "x86=4"},
		{resources, "tpu=0.5", "tpu=0.5,x86=4"},
		{resources, "x86=1", "tpu=0.5,x86=1"},
		{resources, "x86", ""},
		{resources, "=1", ""},
		{resources, "x86=many", ""},
		{env, "K=a=b", "K"},
		{env, "RAYWASM_TEST_SET", "K,RAYWASM_TEST_SET"},
		{env, "RAYWASM_TEST_UNSET", ""},
		{env, "=1", ""},
		{env, "", ""},
	} {
		err := c.value.Set(c.text)
		switch got := c.value.String(); {
		case (err != nil) != (c.want == ""):
			t.Errorf("%s %q: error %v", c.value.Type(), c.text, err)
		case err == nil && got != c.want:
			t.Errorf("%s %q: %q, want %q", c.value.Type(), c.text, got, c.want)
		}
	}
	if *memory != 2*spec.GiB || env["K"] != "a=b" || env["RAYWASM_TEST_SET"] != "here" {
		t.Errorf("memory %d, env %v", *memory, map[string]string(env))
	}
}
