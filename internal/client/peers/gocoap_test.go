package peers

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/message/pool"
	"github.com/plgd-dev/go-coap/v3/mux"
	coapnet "github.com/plgd-dev/go-coap/v3/net"
	"github.com/plgd-dev/go-coap/v3/net/blockwise"
	"github.com/plgd-dev/go-coap/v3/options"
	"github.com/plgd-dev/go-coap/v3/udp"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
)

func TestGoCoAPClient(t *testing.T) {
	for _, ours := range []int{64, 1024} {
		for _, theirs := range []blockwise.SZX{blockwise.SZX64, blockwise.SZX1024} {
			t.Run(fmt.Sprintf("our block %d, theirs %d", ours, theirs.Size()), func(t *testing.T) {
				t.Parallel()
				s := &shelf{}
				c, err := udp.Dial(serve(t, s, ours), options.WithBlockwise(true, theirs, 5*time.Second))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				for _, n := range []int{10, 64, 5000} {
					if r, err := c.Put(t.Context(), "/shelf", message.TextPlain, bytes.NewReader(text(n))); err != nil || r.Code() != codes.Changed {
						t.Fatalf("PUT of %d bytes: %v, %v", n, r, err)
					}
					s.holds(t, text(n), 1)
					r, err := c.Get(t.Context(), "/shelf")
					if err != nil || !bytes.Equal(read(t, r.Body()), text(n)) {
						t.Errorf("GET of %d bytes: %v, %v", n, r, err)
					}
					r, err = c.Post(t.Context(), "/shelf", message.TextPlain, bytes.NewReader(text(n)))
					if err != nil || !bytes.Equal(read(t, r.Body()), bytes.ToUpper(text(n))) {
						t.Errorf("POST of %d bytes: %v, %v", n, r, err)
					}
				}
			})
		}
	}
}

func TestGoCoAPObservesUs(t *testing.T) {
	s := &shelf{body: []byte("0")}
	c, err := udp.Dial(serve(t, s, 64))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heard := make(chan string, 10)
	observation, err := c.Observe(t.Context(), "/shelf", func(m *pool.Message) {
		b, _ := m.ReadBody()
		heard <- string(b)
	})
	if err != nil {
		t.Fatal(err)
	}
	for want := range 4 {
		select {
		case got := <-heard:
			if got != fmt.Sprint(want) {
				t.Fatalf("heard %q, want %d", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not told of %d", want)
		}
		if _, err := c.Put(t.Context(), "/shelf", message.TextPlain, bytes.NewReader([]byte(fmt.Sprint(want+1)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := observation.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestGoCoAPServer(t *testing.T) {
	for _, blockSize := range []int{16, 64, 1024} {
		t.Run(fmt.Sprintf("block %d", blockSize), func(t *testing.T) {
			var mu sync.Mutex
			var body []byte
			router := mux.NewRouter()
			router.Handle("/shelf", mux.HandlerFunc(func(w mux.ResponseWriter, r *mux.Message) {
				mu.Lock()
				defer mu.Unlock()
				if r.Code() == codes.PUT {
					body, _ = r.ReadBody()
					w.SetResponse(codes.Changed, message.TextPlain, nil)
					return
				}
				w.SetResponse(codes.Content, message.TextPlain, bytes.NewReader(body))
			}))
			address := freePort(t)
			l, err := coapnet.NewListenUDP("udp4", address.String())
			if err != nil {
				t.Fatal(err)
			}
			server := udp.NewServer(options.WithMux(router), options.WithBlockwise(true, blockwise.SZX1024, 5*time.Second))
			go server.Serve(l)
			t.Cleanup(func() {
				server.Stop()
				l.Close()
			})
			c := dial(t, address, blockSize)
			// One block at most: go-coap puts the blocks of a PUT together by
			// their token, which a client may change and ours does.
			put(t, c, min(blockSize, 64))
			get(t, c, min(blockSize, 64))
			mu.Lock()
			body = text(5000)
			mu.Unlock()
			get(t, c, 5000)
			if _, err := c.Do(t.Context(), client.Request{Method: coap.GET, Path: "/none"}); err == nil {
				t.Error("GET of what is not there succeeded")
			}
		})
	}
}
