package emulator

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startBound starts cmd so that it ends with this process, however that ends.
// The kernel binds it to the thread, so the calling goroutine keeps its own
// and must wait for cmd.
func startBound(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return cmd.Start()
}

// CPUTime returns how much processor time the emulator has used, 0 where the
// host does not say.
func (d *Device) CPUTime() time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(d.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0
	}
	// The second field, in parentheses, may hold anything; user and system
	// time are the 14th and 15th, in hundredths of a second.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
