package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/femto-containers/femto/bench"
)

// native is the kernels in C, compiled for this machine, in a process of their
// own that times itself.
type native struct {
	title  string
	folder string
	child  *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
}

// sameWork makes the compiler do the loops that the other machines do: no
// memcpy and no vectors in their place.
var sameWork = []string{"-fno-builtin", "-fno-vectorize", "-fno-slp-vectorize", "-mllvm", "-disable-loop-idiom-all"}

// natives builds the scalar and the plain version; nil without a compiler.
func natives() (scalar, plain *native, err error) {
	compiler := ""
	for _, name := range []string{"clang-19", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			compiler = path
			break
		}
	}
	if compiler == "" {
		return nil, nil, nil
	}
	if scalar, err = newNative(compiler, "C scalar", sameWork...); err != nil {
		return nil, nil, err
	}
	plain, err = newNative(compiler, "C -O2")
	return scalar, plain, err
}

func newNative(compiler, title string, flags ...string) (*native, error) {
	folder, err := os.MkdirTemp("", "femto-bench-")
	if err != nil {
		return nil, err
	}
	const sources = "../kernels"
	compile := func(args ...string) error {
		out, err := exec.Command(compiler, append([]string{"-O2", "-std=gnu11", "-falign-loops=64"}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", compiler, err, out)
		}
		return nil
	}
	objects := []string{"-o", filepath.Join(folder, "native"), filepath.Join(sources, "native.c"), filepath.Join(sources, "host.c")}
	built := map[string]bool{}
	for _, k := range bench.Kernels {
		if built[k.Program] {
			continue
		}
		built[k.Program] = true
		object := filepath.Join(folder, k.Program+".o")
		args := append([]string{"-DRUN=run_" + k.Program, "-c", "-o", object, filepath.Join(sources, k.Program+".c")}, flags...)
		if err := compile(args...); err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	if err := compile(objects...); err != nil {
		return nil, err
	}
	n := &native{title: title, folder: folder, child: exec.Command(filepath.Join(folder, "native"))}
	n.child.Stderr = os.Stderr
	if n.in, err = n.child.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := n.child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n.out = bufio.NewReader(out)
	return n, n.child.Start()
}

func (n *native) close() {
	n.in.Close()
	n.child.Wait()
	os.RemoveAll(n.folder)
}

func (n *native) name() string { return n.title }

func (n *native) time(k *bench.Kernel, repetitions int) (time.Duration, uint64, error) {
	if _, err := fmt.Fprintln(n.in, k.Program, k.N, repetitions); err != nil {
		return 0, 0, err
	}
	var spent, result uint64
	if _, err := fmt.Fscanln(n.out, &spent, &result); err != nil {
		return 0, 0, err
	}
	return time.Duration(spent), result, nil
}
