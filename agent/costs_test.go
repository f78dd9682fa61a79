package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"text/tabwriter"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/link"
)

// papersImage is the size of the container that the papers deploy, in bytes.
const papersImage = 186

// A cost is what one deployment took.
type cost struct {
	datagrams, bytes, repeated int // both ways; UDP payload
	took                       int64
}

// upload sends a body. When an answer does not come for so long that the call is
// given up, it goes on with the block that was not answered.
func (c *client) upload(to link.Addr, path string, body []byte) {
	c.tb.Helper()
	o := coap.Outgoing{Code: coap.POST, Path: []byte(path), Body: body, ContentFormat: coap.FormatNone}
	for range 100 {
		a := &answer{}
		call, err := c.Do(c.network.now, &to, &o, a)
		if err != 0 {
			c.tb.Fatal(err)
		}
		for !a.done {
			o.Offset = max(o.Offset, call.Sent())
			c.network.run(second/100, func() bool { return a.done })
		}
		switch {
		case a.code == coap.RequestEntityIncomplete:
			o.Offset, o.Tag = 0, o.Tag+1
		case a.err == 0:
			return
		case a.err != coap.ErrTimeout:
			c.tb.Fatal(a.err)
		}
	}
	c.tb.Fatal("no answer")
}

// deployCost deploys an image of 186 B over a network that loses datagrams, in
// virtual time: every datagram takes 1 ms.
func deployCost(t *testing.T, block int, loss float64, seed uint64, delivery author.Delivery) cost {
	t.Helper()
	var c cost
	d := newDevice(t, func(a *agent.Config, _ *engine.Config) {
		a.CoAP.BlockSize, a.CoAP.Datagram, a.CoAP.Seed = block, block+coap.Overhead+64, 2*seed+1
	})
	host := d.network.clientOf(t, 8, block, 4, 2*seed+2)
	host.files["p"] = program(t, "mov r0, 3\nexit", image.Parts{Rodata: make([]byte, 131), Functions: []image.Function{{Name: []byte("main")}}})
	if n := len(host.files["p"]); n != papersImage {
		t.Fatal(n, "bytes")
	}
	random := newNetwork(seed).random
	d.network.drop = func(p *packet) bool {
		c.datagrams++
		c.bytes += len(p.datagram)
		return random.Float64() < loss
	}
	began := d.network.now
	// The envelope is what femto deploy makes: without the vendor.
	envelope, err := (&author.Manifest{
		Sequence: 1_790_000_000, Class: author.ClassID(testBoard), Hook: author.HookID("event"),
		Image: host.files["p"], Delivery: delivery, URI: "/p",
	}).Envelope(alice.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for tries := 0; d.engine.Container(0).State() == engine.Removed; tries++ {
		if tries > 100 {
			t.Fatalf("block %d, loss %v, seed %d: does not come to an end", block, loss, seed)
		}
		host.upload(atDevice, "/suit", envelope)
		// The tool asks how far a fetch is meanwhile, ten times a second, which is
		// not counted here; when it was given up the manifest is sent again.
		d.network.run(100*second, func() bool { return d.engine.Container(0).State() != engine.Removed })
	}
	c.took = d.network.now - began
	c.repeated = int(host.Counters.Retransmissions + d.Counters().Retransmissions)
	d.network.drop = nil
	if got := d.runs(); got != "event/=3" {
		t.Fatalf("block %d, loss %v, seed %d: %s", block, loss, seed, got)
	}
	return c
}

// bars are what a deployment with the image inside the envelope may take beyond the
// image, bytes by size of blocks. That of the issue is 260 B, at the sizes that
// femto deploy uses with Ethernet and SLIP, 512, and the simulated device, 1024.
var bars = map[int]int{16: 840, 32: 530, 64: 360, 128: 295, 256: 275, 512: 240, 1024: 238}

// TestDeployCosts prints what a deployment costs; docs/performance.md has the
// table. Every deployment comes to its end.
//
//	make deploy-costs
func TestDeployCosts(t *testing.T) {
	seeds := 3
	if n, err := strconv.Atoi(os.Getenv("FEMTO_DEPLOY_COSTS")); err == nil {
		seeds = n
	}
	for _, delivery := range []struct {
		name string
		author.Delivery
	}{{"inside the envelope", author.Content}, {"fetched by the device", author.Reference}} {
		var text bytes.Buffer
		w := tabwriter.NewWriter(&text, 0, 0, 1, ' ', tabwriter.AlignRight|tabwriter.Debug)
		fmt.Fprintf(w, "block\tdatagrams\tbeyond the image\t5 %%: datagrams\tof them again\ts\tworst s\t20 %%: datagrams\tof them again\ts\tworst s\t\n")
		for block := 16; block <= 1024; block *= 2 {
			plain := deployCost(t, block, 0, 1, delivery.Delivery)
			if plain.repeated != 0 {
				t.Errorf("block %d: %d repeated without a loss", block, plain.repeated)
			}
			if most := bars[block]; delivery.Delivery == author.Content && plain.bytes-papersImage > most {
				t.Errorf("block %d: %d B beyond the image, at most %d", block, plain.bytes-papersImage, most)
			}
			fmt.Fprintf(w, "%d\t%d\t%d B\t", block, plain.datagrams, plain.bytes-papersImage)
			for _, loss := range []float64{0.05, 0.2} {
				var all []cost
				for seed := range seeds {
					all = append(all, deployCost(t, block, loss, uint64(seed), delivery.Delivery))
				}
				median := func(of func(cost) int64) (middle, most int64) {
					var values []int64
					for _, c := range all {
						values = append(values, of(c))
					}
					slices.Sort(values)
					return values[len(values)/2], values[len(values)-1]
				}
				datagrams, _ := median(func(c cost) int64 { return int64(c.datagrams) })
				again, _ := median(func(c cost) int64 { return int64(c.repeated) })
				took, worst := median(func(c cost) int64 { return c.took })
				fmt.Fprintf(w, "%d\t%d\t%.1f\t%.0f\t", datagrams, again, float64(took)/second, float64(worst)/second)
			}
			fmt.Fprintln(w)
		}
		w.Flush()
		t.Logf("an image of %d B, %s, %d seeds:\n%s", papersImage, delivery.name, seeds, &text)
	}
}
