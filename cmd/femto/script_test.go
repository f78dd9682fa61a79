package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/vm"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"femto":          func() { os.Exit(process()) },
		"femto-powercut": func() { os.Exit(powercutDevice()) },
	})
}

// TestScript runs the transcripts: what a person types, what they read. Beside
// the commands of testscript they have these:
//
//	device ARGS        a simulated device in the background, at $FEMTO_DEVICE;
//	                   what it says is in device.log after stop
//	stop               Ctrl-C for it
//	fails CODE femto … a command that must fail with that exit code
//	fixed FILE         FILE.fixed is FILE (or stdout, stderr) without what
//	                   differs from one run to the next
//	summing FILE N     an image with N bytes of .rodata that returns their sum
//	waitrecording      waits until the device has begun another recording
//	p256 FILE          a key pair that devices do not verify
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup:               setupScript,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"device":  scriptDevice,
			"stop":    scriptStop,
			"fails":   scriptFails,
			"fixed":   scriptFixed,
			"summing": scriptSumming,
			"p256":    scriptP256,

			"waitrecording": scriptWaitRecording,
		},
	})
}

// setupScript lays out the files that transcripts use.
func setupScript(env *testscript.Env) error {
	for name, content := range map[string]string{
		"fletcher32.bin": string(examples.Fletcher32),
		"outlaw.bin":     string(examples.Outlaw),
		"input.txt":      string(examples.Fletcher32Input),
		"average.bin":    string(examples.SensorAverage),
		"half.bin":       string(examples.Fletcher32[:len(examples.Fletcher32)/2]),
		"object.o":       "\x7fELF\x02\x01\x01\x00",
		"empty":          "",
		"unknown.bin":    string(assembled("mov %r0, 1\nexit")[:image.HeaderSize]) + "\xff\xff\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00",
		"stranger.bin":   string(assembled("call 0x99\nexit")),
		"endless.bin":    string(assembled("l: ja l")),
		"talker.bin":     string(talker()),
		"packed.bin":     packed,
		"talker.json":    talkerDebug(),
		"packed-bad.bin": strings.Replace(packed, "\x95", "\xb4", 1),
		"garbage":        strings.Repeat("\xde\xad\xbe\xef", 100),
		"huge":           strings.Repeat("x", maxFile+1),
		"large":          strings.Repeat("x", 3000),
	} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(env.WorkDir, "folder"), 0o755); err != nil {
		return err
	}
	if err := saveManifests(env); err != nil {
		return err
	}
	// One address where nothing ever answers, and one where nobody listens.
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { silent.Close() })
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
	env.Setenv("SILENT", "coap://"+silent.LocalAddr().String())
	for name, id := range map[string]uuid.UUID{
		"VENDOR": author.VendorID(), "CLASS": author.ClassID(sim.Board), "EVENT": author.HookID("event"),
	} {
		env.Setenv(name, id.String())
	}
	env.Setenv("NOBODY", "coap://127.0.0.1:1")
	env.Values["device"] = new(*running)
	env.Values["recording"] = new(uint64)
	return nil
}

// running is a simulated device in a process of its own.
type running struct {
	cmd *exec.Cmd
	uri string
	log *os.File
}

// startDevice starts a device as the process that name and args say, in dir,
// and waits until it answers.
func startDevice(dir string, environ []string, name string, args ...string) (*running, error) {
	log, err := os.CreateTemp(dir, "device-*.log")
	if err != nil {
		return nil, err
	}
	r := &running{cmd: exec.Command(name, args...), log: log}
	r.cmd.Dir, r.cmd.Env, r.cmd.Stderr = dir, environ, log
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = r.cmd.Wait()
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("the device does not start: %w: %s", err, said)
	}
	r.uri = strings.TrimSpace(line)
	return r, nil
}

// end sends the device a signal, waits for it, and returns how it ended.
func (r *running) end(signal os.Signal) error {
	defer r.log.Close()
	if runtime.GOOS == "windows" {
		signal = os.Kill // there is no other
	}
	if err := r.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	overdue := time.AfterFunc(10*time.Second, func() { _ = r.cmd.Process.Kill() })
	defer overdue.Stop()
	return r.cmd.Wait()
}

func scriptDevice(ts *testscript.TestScript, neg bool, args []string) {
	environ := []string{"PATH=" + ts.Getenv("PATH"), "SystemRoot=" + ts.Getenv("SystemRoot")}
	args = append([]string{"device", "run", "--listen", "127.0.0.1:0"}, args...)
	r, err := startDevice(ts.MkAbs("."), environ, "femto", args...)
	ts.Check(err)
	ts.Setenv("FEMTO_DEVICE", r.uri)
	*deviceOf(ts) = r
	ts.Defer(func() {
		if *deviceOf(ts) == r {
			_ = r.end(os.Kill)
		}
	})
}

func scriptStop(ts *testscript.TestScript, neg bool, args []string) {
	d := deviceOf(ts)
	r := *d
	*d = nil
	ts.Check(r.end(os.Interrupt))
	said, err := os.ReadFile(r.log.Name())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("device.log"), said, 0o644))
	ts.Check(os.Remove(r.log.Name()))
}

func deviceOf(ts *testscript.TestScript) **running { return ts.Value("device").(**running) }

func scriptFails(ts *testscript.TestScript, neg bool, args []string) {
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &exit) || exit.ExitCode() != code {
		ts.Fatalf("exit code: want %d, got: %v", code, err)
	}
	said := ts.ReadFile("stderr")
	if strings.HasPrefix(said, "{") {
		var document struct {
			Code, What string
			Exit       int
			Hints      []string
		}
		ts.Check(json.Unmarshal([]byte(said), &document))
		if document.Exit != code || document.Code != exitWord(code) || document.What == "" {
			ts.Fatalf("error as JSON: %+v", document)
		}
		for _, hint := range document.Hints {
			ts.Check(parses(hint))
		}
		return
	}
	if !regexp.MustCompile(`(?m)^error(\[FC\d{4}\])?: \S`).MatchString(said) {
		ts.Fatalf("no error is explained on standard error")
	}
	hints := regexp.MustCompile(`(?m)^  try: (.*)$`).FindAllStringSubmatch(said, -1)
	if len(hints) > 3 {
		ts.Fatalf("%d hints are too many", len(hints))
	}
	for _, hint := range hints {
		ts.Check(parses(hint[1]))
	}
}

// fixes are what differs from one run to the next.
var fixes = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "sha256:DIGEST"},
	{regexp.MustCompile(`\b[0-9a-f]{12} `), "IMAGE        "},
	{regexp.MustCompile(`(127\.0\.0\.1):\d{4,5}`), "$1:PORT"},
	{regexp.MustCompile(`sequence( to)? \d{10}`), "sequence$1 NUMBER"},
	{regexp.MustCompile(`\b\d{10}\b`), "NUMBER"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "KEYID"},
	{regexp.MustCompile(`until \d{4}-\d\d-\d\d`), "until DATE"},
	{regexp.MustCompile(`up \d+s`), "up TIME"},
	{regexp.MustCompile(`("uptime_us": )\d+`), "${1}TIME"},
	{regexp.MustCompile(`("device": )"[0-9a-f-]{36}"`), "${1}UUID"},
	{regexp.MustCompile(`\d+ B (out|in)`), "N B $1"},
	{regexp.MustCompile(`("bytes_(?:out|in)": )\d+`), "${1}N"},
}

func scriptFixed(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "WORK")
	for _, fix := range fixes {
		text = fix.pattern.ReplaceAllString(text, fix.with)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".fixed"), []byte(text), 0o644))
}

func scriptSumming(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	raw, sum := summing(n, 1)
	ts.Setenv("SUM", valueText(sum))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o644))
}

// scriptWaitRecording waits for the command in the background to have the device
// record: what it does before that cannot be told from outside.
func scriptWaitRecording(ts *testscript.TestScript, neg bool, args []string) {
	for range 100 {
		device, err := remote.Open(context.Background(), ts.Getenv("FEMTO_DEVICE"), client.Options{})
		ts.Check(err)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		r, err := device.Recorded(ctx, nil)
		cancel()
		device.Close()
		if last := ts.Value("recording").(*uint64); err == nil && r.ID != *last && r.State != engine.RecordNone {
			*last = r.ID
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("the device does not record")
}

func scriptP256(ts *testscript.TestScript, neg bool, args []string) {
	key, err := author.GenerateP256()
	ts.Check(err)
	ts.Check(key.Save(ts.MkAbs(args[0])))
}

// saveManifests signs updates with one of two keys.
func saveManifests(env *testscript.Env) error {
	dir := env.WorkDir
	signer, other := author.NewPrivateKey([32]byte{1}), author.NewPrivateKey([32]byte{2})
	raw := signer.Public().Raw()
	env.Setenv("SIGNER", fmt.Sprintf("%x", raw))
	files := map[string][]byte{"signer.hex": fmt.Appendf(nil, "%x\n", raw)}
	for name, delivery := range map[string]author.Delivery{"update.suit": author.Integrated, "fetched.suit": author.Reference} {
		manifest := author.Manifest{
			Sequence: 7, Vendor: author.VendorID(), Class: author.ClassID(sim.Board), Hook: author.HookID("event"),
			Image: examples.Fletcher32, Delivery: delivery,
		}
		if delivery == author.Reference {
			manifest.URI = remote.PayloadURI
		}
		envelope, err := manifest.Envelope(signer)
		if err != nil {
			return err
		}
		files[name] = envelope
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return errors.Join(signer.Save(filepath.Join(dir, "signer.key")), other.Save(filepath.Join(dir, "other.key")))
}

// assembled returns an image of a program.
func assembled(source string) []byte {
	text, err := asm.Assemble(source)
	if err != nil {
		panic(err)
	}
	return image.Append(nil, image.Parts{Text: text})
}

// packed is an image with compressed text: mov %r0, 7; exit.
const packed = "rBPF\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00" +
	"\xb7\x00\x07\x00\x00\x00\x95\x00"

// talkerDebug is the side file of talker: two lines of a file.
func talkerDebug() string {
	p := build.Program{Lines: []build.Line{{Slot: 0, File: "talker.c", Line: 2, Column: 3}, {Slot: 2, File: "talker.c", Line: 3, Column: 1}}}
	file, err := p.Debug(talker())
	if err != nil {
		panic(err)
	}
	return string(file)
}

// talker returns an image that prints what would steer a terminal.
func talker() []byte {
	text, err := asm.Assemble(fmt.Sprintf("mov %%r1, %#x\ncall 1\nmov %%r0, -3\nexit", vm.Address(vm.RegionRodata, 0)))
	if err != nil {
		panic(err)
	}
	return image.Append(nil, image.Parts{Rodata: []byte("hello\x1b[31m\x00"), Text: text})
}

// summing returns an image with n bytes of .rodata, made of seed, whose result
// depends on every byte of them, and that result.
func summing(n int, seed uint32) (raw []byte, sum int64) {
	rodata := make([]byte, (n+7)&^7)
	for i := 0; i < len(rodata); i += 4 {
		seed = seed*1664525 + 1013904223
		binary.LittleEndian.PutUint32(rodata[i:], seed)
		sum = sum*31 + int64(seed)
	}
	text, err := asm.Assemble(fmt.Sprintf(`
		mov %%r0, 0
		mov %%r1, %#[1]x
		mov %%r2, %#[2]x
next:
		jge %%r1, %%r2, done
		mul %%r0, 31
		ldxw %%r3, [%%r1]
		add %%r0, %%r3
		add %%r1, 4
		ja next
done:
		exit
	`, vm.Address(vm.RegionRodata, 0), vm.Address(vm.RegionRodata, uint32(len(rodata)))))
	if err != nil {
		panic(err)
	}
	return image.Append(nil, image.Parts{Rodata: rodata, Text: text}), sum
}
