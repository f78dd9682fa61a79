package remote

import (
	"context"
	"errors"
	"time"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
)

// pollLogs is between looks for new lines at a device that does not say when
// there are some.
const pollLogs = 250 * time.Millisecond

// FollowLogs calls changed whenever there may be new lines, until it returns an
// error or ctx is done; told says that the device said so. It waits for the device to say so or, if that has no
// place for another observer or knows of no observing, asks again and again.
func (d *Device) FollowLogs(ctx context.Context, changed func(told bool) error) error {
	var failed error
	// The lines themselves are read with a cursor: a state that names none of
	// them is small, and may get lost.
	err := d.Observe(ctx, client.Request{Method: coap.GET, Path: "/" + agent.PathLogs, Query: "m=00000000"}, func(client.Response) bool {
		failed = changed(true)
		return failed == nil
	})
	for failed == nil && errors.Is(err, client.ErrNotObserved) {
		if err := d.serveFor(ctx, pollLogs); err != nil {
			return err
		}
		failed = changed(false)
	}
	if failed != nil {
		return failed
	}
	return err
}
