package agent

// Topics of the resources that can be observed (RFC 7641).
const (
	topicList = 1 + iota
	topicLogs
)

// Printed says that a container has printed a line. Observers of the logs hear
// of it at the next Poll.
func (a *Agent) Printed() { a.endpoint.Notify(topicLogs) }

// tell has observers of the list hear that containers came, went, or changed
// their state. Their counters are no news: they change all the time.
//
//go:noinline
func (a *Agent) tell() {
	sum := uint32(0)
	for i := range a.c.Containers {
		sum = sum*31 + uint32(a.container(i).state)<<4 + uint32(a.engine.Container(i).State())
	}
	if sum != a.told {
		a.told = sum
		a.endpoint.Notify(topicList)
	}
	a.tellFaults()
}
