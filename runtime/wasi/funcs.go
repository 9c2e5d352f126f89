package wasi

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// module is the name that guests import the functions from.
const module = "wasi_snapshot_preview1"

// function is one function of WASI. An errno that run returns is the guest's result; any other error ends its call.
type function struct {
	name   string
	params []wasmbin.ValType
	run    func(ctx context.Context, s *System, m memory, p params) error
	quick  bool // as engine.HostFunc.Quick
}

const (
	i32 = wasmbin.I32
	i64 = wasmbin.I64
)

func types(list ...wasmbin.ValType) []wasmbin.ValType { return list }

// functions are all of preview 1. Every one but proc_exit has one result, the errno.
var functions = []function{
	{"args_get", types(i32, i32), argsGet, true},
	{"args_sizes_get", types(i32, i32), argsSizesGet, true},
	{"environ_get", types(i32, i32), environGet, true},
	{"environ_sizes_get", types(i32, i32), environSizesGet, true},

	{"clock_res_get", types(i32, i32), clockResGet, true},
	{"clock_time_get", types(i32, i64, i32), clockTimeGet, true},
	{"random_get", types(i32, i32), randomGet, true},
	{"poll_oneoff", types(i32, i32, i32, i32), pollOneoff, false},

	{"fd_close", types(i32), fdClose, false},
	{"fd_renumber", types(i32, i32), fdRenumber, false},
	{"fd_fdstat_get", types(i32, i32), fdFdstatGet, true},
	{"fd_fdstat_set_flags", types(i32, i32), fdFdstatSetFlags, false},
	{"fd_fdstat_set_rights", types(i32, i64, i64), fdFdstatSetRights, false},

	{"fd_write", types(i32, i32, i32, i32), fdWrite, false},
	{"fd_pwrite", types(i32, i32, i32, i64, i32), fdPwrite, false},

	{"fd_read", types(i32, i32, i32, i32), fdRead, false},
	{"fd_pread", types(i32, i32, i32, i64, i32), fdPread, false},
	{"fd_seek", types(i32, i64, i32, i32), fdSeek, false},
	{"fd_tell", types(i32, i32), fdTell, false},
	{"fd_advise", types(i32, i64, i64, i32), fdAdvise, false},
	{"fd_sync", types(i32), fdSync, false},
	{"fd_datasync", types(i32), fdSync, false},

	{"fd_prestat_get", types(i32, i32), fdPrestatGet, true},
	{"fd_prestat_dir_name", types(i32, i32, i32), fdPrestatDirName, true},
	{"fd_readdir", types(i32, i32, i32, i64, i32), fdReaddir, false},

	{"fd_filestat_get", types(i32, i32), fdFilestatGet, false},
	{"path_filestat_get", types(i32, i32, i32, i32, i32), pathFilestatGet, false},
	{"path_open", types(i32, i32, i32, i32, i32, i64, i64, i32, i32), pathOpen, false},
	{"path_readlink", types(i32, i32, i32, i32, i32, i32), pathReadlink, false},

	{"fd_allocate", types(i32, i64, i64), fdReadOnly, false},
	{"fd_filestat_set_size", types(i32, i64), fdReadOnly, false},
	{"fd_filestat_set_times", types(i32, i64, i64, i32), fdReadOnly, false},
	{"path_create_directory", types(i32, i32, i32), pathReadOnly, false},
	{"path_filestat_set_times", types(i32, i32, i32, i32, i64, i64, i32), pathReadOnly, false},
	{"path_link", types(i32, i32, i32, i32, i32, i32, i32), pathReadOnly, false},
	{"path_remove_directory", types(i32, i32, i32), pathReadOnly, false},
	{"path_rename", types(i32, i32, i32, i32, i32, i32), pathReadOnly, false},
	{"path_symlink", types(i32, i32, i32, i32, i32), pathSymlink, false},
	{"path_unlink_file", types(i32, i32, i32), pathReadOnly, false},

	{"proc_exit", types(i32), procExit, true},
	{"proc_raise", types(i32), procRaise, false},
	{"sched_yield", types(), schedYield, false},

	{"sock_accept", types(i32, i32, i32), sock, false},
	{"sock_recv", types(i32, i32, i32, i32, i32, i32), sock, false},
	{"sock_send", types(i32, i32, i32, i32, i32), sock, false},
	{"sock_shutdown", types(i32, i32), sock, false},
}

// Funcs returns all functions of WASI preview 1. A guest that calls one has a *System as its System.
func Funcs() []engine.HostFunc {
	list := make([]engine.HostFunc, len(functions))
	for i, f := range functions {
		list[i] = engine.HostFunc{Module: module, Name: f.name, Params: f.params, Func: f.call, Quick: f.quick}
		if f.name != "proc_exit" {
			list[i].Results = types(i32)
		}
	}
	return list
}

var errNoSystem = errors.New("wasi: the guest has no *System")

// call runs f for an engine.
func (f function) call(ctx context.Context, guest *engine.Guest, stack []uint64) error {
	s, ok := guest.System.(*System)
	if !ok {
		return errNoSystem
	}
	s.waited = 0
	err := f.run(ctx, s, guest.Memory(), stack)
	guest.Waited += s.waited
	switch result := err.(type) {
	case nil:
		stack[0] = 0
	case errno:
		stack[0] = uint64(result)
	default:
		return result
	}
	return nil
}

// params are the parameters of a call as they lie on its stack.
type params []uint64

func (p params) u32(i int) uint32 { return uint32(p[i]) }
func (p params) u64(i int) uint64 { return p[i] }

// le is how WebAssembly lays out numbers in memory.
var le = binary.LittleEndian
