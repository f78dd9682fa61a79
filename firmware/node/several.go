//go:build several

package node

import "github.com/femto-containers/femto/agent"

// With the build tag several a node takes manifests about several containers.
type several struct{ room agent.Several }

func (n *Node) combine() { n.agents.Several = &n.several.room }
