package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/remote"
)

// A finding is what doctor says of one thing.
type finding struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, warn or fail
	Says  string `json:"says"`
	Fix   string `json:"fix"`
	tools bool   // a fail means that tools are missing
}

const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
)

// wantedClang is the compiler that committed images come from.
const wantedClang = 19

func newDoctorCommand() *cobra.Command {
	var asJSON bool
	var uri string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps femto from working here",
		Long: `Looks at the compiler, the SDK, the project of this folder and its keys, the
network and the emulator, and says for each whether it is well (ok), does not
matter for most (warn), or keeps something from working (fail), with the way out.
With --device it asks that device too. The exit status is 20 if something failed.`,
		Example: `  femto doctor
  femto doctor --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := examine(cmd.Context(), uri)
			failed := 0
			for _, f := range findings {
				if f.State == stateFail {
					failed++
				}
			}
			if asJSON {
				if err := writeJSON(cmd.OutOrStdout(), "femto.doctor/1", map[string]any{"findings": findings, "failed": failed}); err != nil {
					return err
				}
			} else {
				t := newTable(cmd.OutOrStdout())
				for _, f := range findings {
					fmt.Fprintf(t, "%s\t%s\t%s\n", f.State, f.Name, printable(f.Says))
					if f.Fix != "" {
						fmt.Fprintf(t, "\t\tfix: %s\n", printable(f.Fix))
					}
				}
				if err := t.Flush(); err != nil {
					return err
				}
			}
			if failed > 0 {
				return &commandError{exit: exitTools, what: fmt.Sprintf("%d of %d are not well", failed, len(findings)), why: "see above: each says how to mend it"}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&uri, "device", "d", os.Getenv("FEMTO_DEVICE"), "`URI` of a device to ask too; or $FEMTO_DEVICE")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// examine looks at everything.
func examine(ctx context.Context, uri string) []finding {
	list := []finding{
		{Name: "femto", State: stateOK, Says: fmt.Sprintf("%s on %s/%s", version, runtime.GOOS, runtime.GOARCH)},
		{Name: "sdk", State: stateOK, Says: "built in, " + project.SDKDigest()[:19]},
	}
	list = append(list, examineCompiler(ctx)...)
	list = append(list, examineNative(), examineProject(ctx))
	list = append(list, examineKeys()...)
	list = append(list, examineNetwork(), examineClock(), examineEmulator())
	if uri != "" {
		list = append(list, examineDevice(ctx, uri))
	}
	return list
}

var leading = regexp.MustCompile(`\d+`)

func examineCompiler(ctx context.Context) []finding {
	const install = "install clang 19 (Debian: apt install clang-19), or name one in the environment variable CLANG"
	path, says, err := project.FindCompiler(ctx)
	if err != nil {
		if p, bad := project.Find("."); bad == nil && p.InGo() {
			return []finding{{Name: "clang", State: stateWarn, Says: "containers in C cannot be compiled here; this one is in Go", Fix: install}}
		}
		return []finding{{"clang", stateFail, err.Error(), install, true}}
	}
	f := finding{Name: "clang", State: stateOK, Says: says + ", " + path}
	if major, _ := strconv.Atoi(leading.FindString(says)); major != wantedClang {
		f.State, f.Fix = stateWarn, fmt.Sprintf("for the same bytes as others, use clang %d", wantedClang)
	}
	target := finding{Name: "eBPF", State: stateOK, Says: "compiles and links a container"}
	dir, err := os.MkdirTemp("", "femto-doctor-")
	if err == nil {
		defer os.RemoveAll(dir)
		source := filepath.Join(dir, "probe.c")
		err = os.WriteFile(source, []byte("#include \"femto.h\"\nFEMTO_HOOK(event, probe) { return 0; }\n"), 0o644)
		if err == nil {
			_, err = build.Image(ctx, source)
		}
	}
	if err != nil {
		target = finding{"eBPF", stateFail, firstLine(err), install, true}
	}
	return []finding{f, target}
}

func firstLine(err error) string {
	var refused *build.CompileError
	if errors.As(err, &refused) {
		return diagnose.Clang(refused.Output, refused.Source, "v2", nil, nil)[0].What
	}
	return err.Error()
}

func examineNative() finding {
	path, sanitizers, err := nativeCompiler()
	switch {
	case err != nil:
		return finding{Name: "cc", State: stateWarn, Says: "no C compiler for this computer: tests/*.c are left out", Fix: "install gcc"}
	case !sanitizers:
		return finding{Name: "cc", State: stateWarn, Says: path + ", without sanitizers", Fix: "install gcc with libasan and libubsan"}
	}
	return finding{Name: "cc", State: stateOK, Says: path + ", with sanitizers"}
}

func examineProject(context.Context) finding {
	p, err := project.Find(".")
	var list diagnose.List
	switch {
	case errors.As(err, &list) && list[0].Code == diagnose.NoProject:
		return finding{Name: "project", State: stateOK, Says: "none here"}
	case err != nil:
		return finding{Name: "project", State: stateFail, Says: err.Error(), Fix: "femto check says more"}
	}
	lock, err := p.Lock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return finding{Name: "project", State: stateWarn, Says: p.Config.Container.Name + ", never built", Fix: "femto build"}
	case err != nil:
		return finding{Name: "project", State: stateFail, Says: err.Error(), Fix: "femto build writes it anew"}
	case lock.SDK != project.SDKDigest():
		return finding{Name: "project", State: stateWarn, Says: p.Config.Container.Name + ", built with another SDK", Fix: "femto build"}
	}
	return finding{Name: "project", State: stateOK, Says: p.Config.Container.Name + ", built by " + dash(lock.Compiler)}
}

// examineKeys looks at the private keys that commands here would use.
func examineKeys() []finding {
	files := map[string]bool{"tenant.key": true, "owner.key": true}
	for _, name := range []string{os.Getenv("FEMTO_KEY"), os.Getenv("FEMTO_OWNER")} {
		if name != "" {
			files[name] = true
		}
	}
	found, _ := filepath.Glob("*.key")
	for _, name := range found {
		files[name] = true
	}
	var list []finding
	for _, name := range sortedKeys(files) {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			continue
		case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
			list = append(list, finding{Name: "key", State: stateFail, Says: fmt.Sprintf("%s can be read by others (mode %#o)", name, info.Mode().Perm()), Fix: "chmod 600 " + name})
		default:
			list = append(list, finding{Name: "key", State: stateOK, Says: name})
		}
	}
	if len(list) == 0 {
		return []finding{{Name: "key", State: stateOK, Says: "none here"}}
	}
	return list
}

func examineNetwork() finding {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return finding{Name: "network", State: stateFail, Says: err.Error(), Fix: "let this user open UDP sockets on 127.0.0.1"}
	}
	conn.Close()
	return finding{Name: "network", State: stateOK, Says: "UDP on this machine"}
}

// examineClock: sequence numbers are seconds of UTC, and devices refuse those
// far in the future.
func examineClock() finding {
	now := time.Now().UTC()
	if now.Year() < 2025 || now.Year() > 2105 {
		return finding{Name: "clock", State: stateFail, Says: now.Format(time.RFC3339), Fix: "set the clock: sequence numbers of manifests are the time"}
	}
	return finding{Name: "clock", State: stateOK, Says: "set"}
}

func examineEmulator() finding {
	if _, err := exec.LookPath("qemu-system-arm"); err != nil {
		return finding{Name: "emulator", State: stateWarn, Says: "no qemu-system-arm: boards cannot be emulated", Fix: "install QEMU for ARM (Debian: apt install qemu-system-arm)"}
	}
	return finding{Name: "emulator", State: stateOK, Says: "QEMU for ARM"}
}

func examineDevice(ctx context.Context, uri string) finding {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	device, err := remote.Open(ctx, uri, client.Options{BlockSize: client.DefaultBlockSize})
	if err == nil {
		defer device.Close()
		var info *remote.Info
		if info, err = device.Info(ctx); err == nil {
			return finding{Name: "device", State: stateOK, Says: fmt.Sprintf("%s, femto %s at %s", info.Board, info.Version, uri)}
		}
	}
	return finding{Name: "device", State: stateFail, Says: uri + " does not answer", Fix: "femto device info -d " + uri + " says more"}
}
