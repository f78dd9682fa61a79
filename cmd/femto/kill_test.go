package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
)

var killSeed = flag.Uint64("killseed", 0, "where TestKilled kills; 0 for somewhere else each time")

// kills is how often each kind of transfer is cut short.
const kills = 10

// TestKilled kills the process of a simulated device (SIGKILL) in the middle of
// replacing a container, starts it again on the same flash, and wants the old
// container or the new one there, whole: its result depends on every byte.
func TestKilled(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("to have the same again: -killseed=%d", seed)
	for _, kind := range []struct {
		name  string
		bytes int // of .rodata
	}{{"integrated", 480}, {"fetched", 2000}} {
		t.Run(kind.name+"/between datagrams", func(t *testing.T) {
			t.Parallel()
			killBetweenDatagrams(t, newVictim(t, seed, kind.bytes))
		})
		t.Run(kind.name+"/within a flash write", func(t *testing.T) {
			t.Parallel()
			killWithinWrites(t, newVictim(t, seed, kind.bytes))
		})
	}
}

// A victim is a device that gets killed, and who deploys to it.
type victim struct {
	*testing.T
	dir     string
	key     author.PrivateKey
	random  *rand.Rand
	bytes   int
	proxy   *proxy
	process *running
	seed    uint32
	sum     int64 // result of the container that is installed
}

func newVictim(t *testing.T, seed uint64, bytes int) *victim {
	v := &victim{T: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, uint64(bytes))), bytes: bytes, proxy: newProxy(t)}
	var err error
	if v.key, err = author.GenerateKey(); err == nil {
		err = v.key.Save(v.path("tenant.key"))
	}
	v.must(err)
	t.Cleanup(func() {
		if v.process != nil {
			_ = v.process.end(os.Kill)
		}
	})
	return v
}

func (v *victim) path(name string) string { return filepath.Join(v.dir, name) }

func (v *victim) must(err error) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
}

// boot starts the device on the flash that there is.
func (v *victim) boot() {
	v.Helper()
	process, err := startDevice(v.dir, os.Environ(), "femto", "device", "run", "--listen", "127.0.0.1:0", "--trust", "tenant.key.pub")
	v.must(err)
	v.took(process)
}

// bootToDie starts it so that it kills itself in its nth write to the flash,
// when a part of that is done, or for 0 counts them.
func (v *victim) bootToDie(n int, part float64) {
	v.Helper()
	process, err := startDevice(v.dir, append(os.Environ(), fmt.Sprintf("%s=%d %f", powercutAt, n, part)), "femto-powercut")
	v.must(err)
	v.took(process)
}

func (v *victim) took(process *running) {
	v.Helper()
	v.process = process
	to, err := netip.ParseAddrPort(strings.TrimPrefix(process.uri, "coap://"))
	v.must(err)
	v.proxy.device(to)
}

// stop ends the device in good order.
func (v *victim) stop() {
	v.Helper()
	v.must(v.process.end(os.Interrupt))
	v.process = nil
}

// died waits for a device that was killed.
func (v *victim) died() {
	v.Helper()
	err := v.process.end(os.Kill)
	if err == nil || !strings.Contains(err.Error(), "killed") && !strings.Contains(err.Error(), "exit status 1") {
		v.Fatalf("the device was not killed but ended with: %v", err)
	}
	v.process = nil
}

// replace deploys a new image through the proxy, which calls killer before
// datagram number killAt of the transfer, and reports what the image returns
// and how many datagrams there were.
func (v *victim) replace(ctx context.Context, killAt int, killer func()) (sum int64, datagrams int, err error) {
	v.seed++
	d := deployment{hook: "event", key: v.key}
	d.image, sum = summing(v.bytes, v.seed)
	device, err := remote.Open(ctx, v.proxy.uri(), client.Options{BlockSize: 64})
	if err != nil {
		return sum, 0, err
	}
	defer device.Close()
	p, err := d.plan(ctx, device)
	if err != nil {
		return sum, 0, err
	}
	if want := v.bytes > 1000; p.result.Fetched != want {
		v.Errorf("the payload is fetched: %v", p.result.Fetched)
	}
	v.proxy.arm(killAt, killer)
	err = p.carryOut(ctx, device)
	return sum, v.proxy.arm(0, nil), err
}

// judge wants the device to have exactly one container, which is the one that
// was there or the whole new one.
func (v *victim) judge(ctx context.Context, replacement int64) {
	v.Helper()
	device, err := remote.Open(ctx, v.proxy.uri(), client.Options{})
	v.must(err)
	defer device.Close()
	list, err := device.List(ctx)
	v.must(err)
	firing, err := device.Fire(ctx, "event", nil)
	v.must(err)
	if len(list) != 1 || firing.Ran != 1 || firing.Faulted != 0 {
		v.Fatalf("%d containers, of which %d ran and %d were stopped", len(list), firing.Ran, firing.Faulted)
	}
	switch firing.Value {
	case v.sum:
	case replacement:
		v.sum = replacement
	default:
		v.Fatalf("the container returns %d, the old one %d, the new one %d", firing.Value, v.sum, replacement)
	}
}

func killBetweenDatagrams(t *testing.T, v *victim) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	v.boot()
	var datagrams int
	var err error
	v.sum, datagrams, err = v.replace(ctx, 0, nil)
	v.must(err)
	if datagrams < 10 {
		t.Fatalf("a transfer has only %d datagrams", datagrams)
	}
	for range kills {
		// The last but one datagram brings the last of what is transferred.
		killAt := 1 + v.random.IntN(datagrams-1)
		transfer, interrupt := context.WithCancel(ctx)
		before := v.sum
		replacement, _, err := v.replace(transfer, killAt, func() {
			_ = v.process.cmd.Process.Kill()
			interrupt()
		})
		interrupt()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("killed before datagram %d of %d, but the transfer ended with: %v", killAt, datagrams, err)
		}
		v.died()
		v.boot()
		v.judge(ctx, replacement)
		if v.sum != before && v.bytes < 1000 {
			t.Fatalf("killed before datagram %d of %d, but the device has the new container", killAt, datagrams)
		}
	}
	v.sum, _, err = v.replace(ctx, 0, nil)
	v.must(err)
	v.judge(ctx, v.sum)
	v.stop()
}

func killWithinWrites(t *testing.T, v *victim) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	v.boot()
	var err error
	v.sum, _, err = v.replace(ctx, 0, nil)
	v.must(err)
	v.stop()

	v.bootToDie(0, 0)
	v.sum, _, err = v.replace(ctx, 0, nil)
	v.must(err)
	log := v.process.log.Name()
	v.stop()
	writes := countedWrites(t, log)
	if writes < 4 {
		t.Fatalf("replacing a container takes only %d writes to the flash", writes)
	}
	for i := range kills {
		killAt := 1 + (i+v.random.IntN(writes))%writes
		if writes <= kills {
			killAt = 1 + i%writes // each of them
		}
		v.bootToDie(killAt, v.random.Float64())
		transfer, interrupt := context.WithCancel(ctx)
		go func(process *running) {
			defer interrupt()
			_, _ = process.cmd.Process.Wait()
		}(v.process)
		replacement, _, err := v.replace(transfer, 0, nil)
		interrupt()
		if !errors.Is(err, context.Canceled) && !errors.Is(err, client.ErrUnreachable) {
			t.Fatalf("killed in write %d of %d, but the transfer ended with: %v", killAt, writes, err)
		}
		v.process = nil
		v.boot()
		v.judge(ctx, replacement)
		v.stop()
	}
	v.boot()
	v.sum, _, err = v.replace(ctx, 0, nil)
	v.must(err)
	v.judge(ctx, v.sum)
	v.stop()
}

// powercutAt is the variable that says in which write a device kills itself,
// and which part of that it does before.
const powercutAt = "FEMTO_TEST_POWERCUT_AT"

// powercutDevice is femto device run for killWithinWrites, in a process of its
// own.
func powercutDevice() int {
	var killAt, writes int
	var part float64
	fmt.Sscan(os.Getenv(powercutAt), &killAt, &part)
	tenants, err := loadTenants([]string{"tenant.key.pub"})
	if err != nil {
		return printError(os.Stderr, err, false)
	}
	device, err := sim.Open(sim.Config{
		Listen: "127.0.0.1:0", Flash: "device.flash", Tenants: tenants,
		BeforeWrite: func(op flash.Operation, off int, p []byte) bool {
			if writes++; writes == killAt {
				tearAndDie(op, off, p, part)
			}
			return true
		},
	})
	if err != nil {
		return printError(os.Stderr, err, false)
	}
	fmt.Println(device.URI())
	ctx, stop := interruptible(context.Background())
	defer stop()
	err = errors.Join(device.Run(ctx), device.Close())
	fmt.Fprintf(os.Stderr, "%d writes\n", writes)
	if err != nil {
		return exitFailure
	}
	return exitOK
}

func countedWrites(t *testing.T, log string) (writes int) {
	t.Helper()
	said, err := os.ReadFile(log)
	if err == nil {
		_, err = fmt.Sscanf(string(said), "%d writes", &writes)
	}
	if err != nil {
		t.Fatalf("the device says %q: %v", said, err)
	}
	return writes
}

// tearAndDie does part of a write, and kills this process.
func tearAndDie(op flash.Operation, off int, p []byte, part float64) {
	if op == flash.OpErase {
		p = []byte(strings.Repeat("\xff", 4096))
	}
	file, err := os.OpenFile("device.flash", os.O_RDWR, 0)
	if err == nil {
		_, err = file.WriteAt(p[:int(part*float64(len(p)))], int64(off))
	}
	if err != nil {
		panic(err)
	}
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Kill()
	select {}
}

// A proxy carries datagrams between a client and a device, and counts them.
type proxy struct {
	front, back *net.UDPConn
	mu          sync.Mutex
	client, to  netip.AddrPort
	count       int
	killAt      int
	killer      func()
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{}
	for _, socket := range []**net.UDPConn{&p.front, &p.back} {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		*socket = conn
	}
	var running sync.WaitGroup
	running.Go(func() { p.carry(p.front, p.back, &p.client, &p.to) })
	running.Go(func() { p.carry(p.back, p.front, &p.to, &p.client) })
	t.Cleanup(func() {
		p.front.Close()
		p.back.Close()
		running.Wait()
	})
	return p
}

func (p *proxy) uri() string { return "coap://" + p.front.LocalAddr().String() }

// device says where the device is now.
func (p *proxy) device(to netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
}

// arm starts to count anew and returns how many there were.
func (p *proxy) arm(killAt int, killer func()) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := p.count
	p.count, p.killAt, p.killer = 0, killAt, killer
	return count
}

func (p *proxy) carry(in, out *net.UDPConn, sender, receiver *netip.AddrPort) {
	datagram := make([]byte, 2048)
	for {
		n, from, err := in.ReadFromUDPAddrPort(datagram)
		if err != nil {
			return
		}
		p.mu.Lock()
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if in == p.front {
			*sender = from
		}
		if from == *sender { // else it is of a device that is no more
			if p.count++; p.count == p.killAt {
				p.killer()
			} else if receiver.IsValid() {
				_, _ = out.WriteToUDPAddrPort(datagram[:n], *receiver)
			}
		}
		p.mu.Unlock()
	}
}
